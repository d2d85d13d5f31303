// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import BeanstalkProtocol
import Sockets
import TalkbackClient

/// One connection of a load: sends and receives without allocating anything and without a task for it.
///
/// Subclasses say what is sent, and take the replies.
class LoadClient {
    /// What the connection is a part of.
    private let load: Load
    private let connection: Connection
    private let exchange: Exchange
    /// What has arrived and was not taken; never more than `inputLimit`.
    final var input: [UInt8] = []
    private let inputLimit: Int
    /// What is being sent, if the kernel did not take it at once.
    private var output: [UInt8] = []
    private var outputPosition = 0
    private var hasBegun = false
    private var isHalfClosed = false

    /// - Parameters:
    ///   - load: What the connection is a part of.
    ///   - inputLimit: More than what is there before the replies are taken.
    init(_ connection: Connection, of load: Load, inputLimit: Int) {
        self.load = load
        self.connection = connection
        exchange = Exchange(on: connection)
        self.inputLimit = inputLimit
        input.reserveCapacity(inputLimit)
    }

    /// What the server is asked for, for a person.
    var operation: String { "" }
    /// Called when the load begins.
    func begin() throws(SocketError) {}
    /// Called when something has arrived; takes the replies that are complete.
    func takeInput() throws(SocketError) {}

    final func run() async {
        load.add(self)
        do throws(SocketError) {
            try await exchange.run { events throws(SocketError) in try self.handle(events) }
        } catch {
            load.fail("\(error)")
        }
        connection.close()
    }

    /// Ends this connection, whatever is under way.
    final func end() {
        exchange.end()
    }

    final func send(_ bytes: [UInt8]) throws(SocketError) {
        let count = try exchange.trySend(bytes.span) ?? 0
        guard count < bytes.count else { return }
        output = bytes
        outputPosition = count
    }

    /// Ends the load, as its replies are not what they should be.
    final func failUnexpectedly() {
        let line = input.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }.prefix(80)
        load.fail("\(operation): the server answered \(String(decoding: line, as: UTF8.self))")
    }

    private func handle(_ events: PollEvents) throws(SocketError) {
        if !events.isDisjoint(with: [.peerHalfClosed, .hangUp, .error]) { isHalfClosed = true }
        guard hasBegun else {
            hasBegun = true
            return load.failure == nil ? try begin() : end()
        }
        if outputPosition < output.count { try flush() }
        guard !events.isDisjoint(with: [.readable, .peerHalfClosed, .hangUp, .error]) else { return }
        while exchange.isRunning {
            let room = inputLimit - input.count
            guard room > 0 else { return failUnexpectedly() }
            guard let count = try exchange.tryReceive(appendingTo: &input, upTo: room) else { return }
            if count == 0 { return load.fail("\(operation): the server has closed the connection") }
            try takeInput()
            // A short receive leaves nothing, unless it is the end that is left.
            if count < room, !isHalfClosed { return }
        }
    }

    private func flush() throws(SocketError) {
        while outputPosition < output.count {
            let output = output
            guard let count = try exchange.trySend(output.span.extracting(outputPosition...)) else { return }
            outputPosition += count
        }
        output = []
        outputPosition = 0
    }
}

extension LoadClient {
    /// A connection that puts into a tube and reserves from it.
    static func connection(
        to address: ServerAddress, using tube: TubeName, on loop: EventLoop, silenceLimit: Duration
    ) async throws -> Connection {
        let connection = try await address.connect(on: loop, timeout: silenceLimit)
        connection.setIdleTimeout(silenceLimit)
        guard tube != .default else { return connection }
        var commands: [UInt8] = []
        commands.append(.use(tube))
        commands.append(.watch(tube))
        commands.append(.ignore(.default))
        try await connection.send(commands)
        let expected = "USING \(tube)\r\nWATCHING 2\r\nWATCHING 1\r\n"
        var reply: [UInt8] = []
        while reply.count < expected.utf8.count {
            guard try await connection.receive(into: &reply, upTo: expected.utf8.count - reply.count) > 0 else { break }
        }
        guard reply == Array(expected.utf8) else {
            let words = String(decoding: reply.prefix(80), as: UTF8.self)
            throw CleanError("use and watch \(tube): \(address) answered \(words.debugDescription)")
        }
        return connection
    }
}
