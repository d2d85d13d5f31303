// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import Foundation
import Sockets
import TalkbackServer

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keeps jobs and gives them to workers, for every client that speaks beanstalkd's protocol.",
        discussion: """
            Jobs are kept in memory, and are gone when the server ends. SIGTERM and SIGINT end it; after SIGUSR1 it takes \
            no more jobs and goes on giving out those it has.
            """)

    @Option(help: "Where to listen: HOST:PORT, or unix:PATH. May be given several times.")
    var listen = ["127.0.0.1:11300"]

    @Option(help: "The most bytes in a job, up to 1073741824.")
    var maxJobSize = 1 << 20

    @Option(help: "The most connections at a time; more wait.")
    var maxConnections = 1 << 20

    func validate() throws {
        guard (0...1 << 30).contains(maxJobSize) else {
            throw ValidationError("--max-job-size takes 0 to 1073741824 bytes.")
        }
        guard maxConnections > 0 else { throw ValidationError("--max-connections takes 1 or more.") }
    }

    func run() async throws {
        let loop = try EventLoop()
        let server = Server(
            ServerOptions(maximumJobSize: maxJobSize, connectionLimit: maxConnections), on: loop)
        var listeners: [Listener] = []
        for place in listen { listeners.append(try await Self.listener(at: place, on: loop)) }
        let signals = Signals(stop: { [listeners] in listeners.forEach { $0.stop() } }) {
            Task { await server.drain() }
        }
        for address in listeners.flatMap(\.addresses) { print("listening on \(address)") }
        fflush(nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for listener in listeners {
                group.addTask {
                    try await server.serve(listener) { error, _ in
                        FileHandle.standardError.write(Data("\(error)\n".utf8))
                    }
                }
            }
            try await group.waitForAll()
        }
        withExtendedLifetime(signals) {}
    }

    /// An address, or a host's name with a port.
    private static func listener(at place: String, on loop: EventLoop) async throws -> Listener {
        if let address = try? SocketAddress(parsing: place) { return try Listener.bind(to: address, on: loop) }
        guard let colon = place.lastIndex(of: ":"), let port = UInt16(place[place.index(after: colon)...]) else {
            throw ValidationError("--listen takes HOST:PORT or unix:PATH, not \"\(place)\".")
        }
        return try await Listener.bind(toHost: String(place[..<colon]), port: port, on: loop)
    }
}
