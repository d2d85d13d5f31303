// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import TalkbackClient
import TalkbackServer
import TestSupport

/// The server that the tests are run against: one in this process, or the program that `TESTED_SERVER` names, which
/// takes beanstalkd's flags.
enum TestedServer {
    /// Calls `body` with the address of a server that has no jobs.
    static func serving<Result>(_ body: (ServerAddress) async throws -> Result) async throws -> Result {
        if let program = QueueProcess.testedProgram {
            let server = try await QueueProcess(beanstalkd: program)
            defer { server.end() }
            return try await body(ServerAddress(server.socket))
        }
        let loop = try EventLoop()
        defer { loop.stop() }
        let server = try Server(on: loop)
        let listener = try Listener.bind(to: .ipv4(.loopback, port: 0), on: loop)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve([listener]) }
            let result: Result
            do {
                result = try await body(ServerAddress(listener.address))
            } catch {
                group.cancelAll()
                throw error
            }
            await server.stop()
            try await group.waitForAll()
            return result
        }
    }
}

/// A server that says what it is told to, to clients that are expected to say what it is told.
final class ScriptedServer: Sendable {
    /// What happens on one connection, in order.
    enum Step: Sendable {
        case expect(String)
        case say(String)
        case close
        case call(@Sendable () -> Void)
        /// Says and hears nothing until the client has gone.
        case wait
        /// As `wait`, and the client must say nothing.
        case silence
    }

    let listener: Listener

    init(on loop: EventLoop) throws {
        listener = try Listener.bind(to: .ipv4(.loopback, port: 0), on: loop)
    }

    var address: ServerAddress { ServerAddress(listener.address) }

    /// Calls `body` with a client of a server that goes by some scripts, one for each connection.
    static func talking(
        _ scripts: [[ScriptedServer.Step]],
        _ options: ClientOptions = ClientOptions(patience: .seconds(250), replyTimeout: .seconds(250)),
        _ body: (Client) async throws -> Void
    ) async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let server = try ScriptedServer(on: loop)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let client = try Client(server.address, options: options)
            group.addTask {
                do {
                    try await server.run(scripts)
                } catch {
                    // So that nobody waits for what is not going to be said.
                    await client.close()
                    throw error
                }
            }
            do {
                try await body(client)
            } catch {
                group.cancelAll()
                await client.close()
                throw error
            }
            await client.close()
            try await group.waitForAll()
        }
    }

    /// Takes as many connections as there are scripts, and goes on with each by its own.
    func run(_ scripts: [[Step]]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for script in scripts {
                let connection = try await listener.accept(timeout: .seconds(200))
                connection.setIdleTimeout(.seconds(200))
                group.addTask {
                    try await Self.run(script, connection)
                    connection.close()
                }
            }
            try await group.waitForAll()
        }
    }

    private static func run(_ script: [Step], _ connection: Connection) async throws {
        for step in script {
            switch step {
            case .expect(let text):
                var received: [UInt8] = []
                while received.count < text.utf8.count {
                    let left = text.utf8.count - received.count
                    guard try await connection.receive(into: &received, upTo: left) > 0 else { break }
                }
                let heard = String(decoding: received, as: UTF8.self)
                guard heard == text else { throw Unexpected(expected: text, heard: heard) }
            case .say(let text): try await connection.send(text)
            case .close: return
            case .call(let body): body()
            case .silence:
                let heard = try await connection.receive(upTo: 100)
                guard heard.isEmpty else {
                    throw Unexpected(expected: "", heard: String(decoding: heard, as: UTF8.self))
                }
            case .wait: while try await !connection.receive(upTo: 100).isEmpty {}
            }
        }
    }

    struct Unexpected: Error {
        var expected: String
        var heard: String
    }
}
