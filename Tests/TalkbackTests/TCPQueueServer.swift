// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport

/// `talkback serve` in memory, on a port of its own, and a client that talks to it by hand.
final class TCPQueueServer {
    private let program: Program
    let address: SocketAddress

    /// - Parameter port: One that was free a moment ago; 0 for any.
    init(port: UInt16 = 0) throws {
        program = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:\(port)")
        address = try program.address()
    }

    deinit { kill() }

    func kill() { program.kill() }

    /// Lets it take no more jobs.
    func drain() {
        program.send(SIGUSR1)
    }

    /// Says all of it, and returns all that the server answers.
    @discardableResult
    func say(_ commands: String) throws -> String {
        try Socket.answer(from: address, to: commands + "quit\r\n")
    }

    /// A field of the server's statistics.
    func statistic(_ name: String) throws -> String? {
        let lines = try say("stats\r\n").split(separator: "\n")
        return lines.first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
    }
}

/// What a program has printed, as JSON.
struct JSON {
    let value: [String: Any]

    init(_ text: String) throws {
        value = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }

    private init(_ value: [String: Any]) {
        self.value = value
    }

    func number(_ name: String) -> Double? { (value[name] as? NSNumber)?.doubleValue }
    func text(_ name: String) -> String? { value[name] as? String }
    func object(_ name: String) -> JSON? { (value[name] as? [String: Any]).map { JSON($0) } }
    func objects(_ name: String) -> [JSON] { (value[name] as? [[String: Any]] ?? []).map { JSON($0) } }
}
