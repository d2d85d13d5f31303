// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import JobStore
import Sockets
import TalkbackServer
import TestSupport
import Testing

/// Servers for a test, and clients that say exactly what they are told to.
struct Servers {
    private let loop: EventLoop

    init(_ loop: EventLoop) {
        self.loop = loop
    }

    /// Calls `body` with a server that serves, and stops it then.
    func serving(
        _ storage: Storage, _ options: ServerOptions, _ body: (Listener, Server) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder()
        let store = try storage == .memory ? nil : JobStore(StoreOptions(folder: folder.path, reserveSize: 1 << 16))
        try await serving(store, options, body)
    }

    /// Calls `body` with a server that keeps its jobs in a folder, and stops it then.
    func serving(folder: String, _ body: (Servers, Listener) async throws -> Void) async throws {
        let store = try JobStore(StoreOptions(folder: folder, reserveSize: 1 << 16))
        try await serving(store, ServerOptions()) { listener, _ in try await body(self, listener) }
    }

    private func serving(
        _ store: JobStore?, _ options: ServerOptions, _ body: (Listener, Server) async throws -> Void
    ) async throws {
        let server = try Server(options, store: store, on: loop)
        let listener = try Listener.bind(to: .ipv4(.loopback, port: 0), on: loop)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve([listener]) }
            do {
                try await body(listener, server)
            } catch {
                group.cancelAll()
                throw error
            }
            await server.stop()
            try await group.waitForAll()
        }
        loop.stop()
    }

    /// Lets the loop do what there is.
    func yield() async throws { try await loop.sleep(for: .milliseconds(1)) }

    func connect(_ listener: Listener) async throws -> Client {
        let connection = try await Connection.connect(to: listener.address, on: loop)
        connection.setIdleTimeout(.seconds(250))
        return Client(connection)
    }

    /// A client that reads what it expects.
    final class Client {
        let connection: Connection
        private var received: [UInt8] = []
        private var position = 0

        init(_ connection: Connection) {
            self.connection = connection
        }

        func close() { connection.close() }

        func send(_ bytes: [UInt8]) async throws { try await connection.send(bytes) }

        /// The next bytes.
        func bytes(_ count: Int) async throws -> [UInt8] {
            while received.count - position < count {
                guard try await connection.receive(into: &received, upTo: 65_536) > 0 else { break }
            }
            let bytes = Array(received[position...].prefix(count))
            position += bytes.count
            if position > 1 << 16 {
                received.removeFirst(position)
                position = 0
            }
            return bytes
        }

        /// The next line, without its end.
        func line() async throws -> String {
            var index = position
            while true {
                while index + 1 < received.count {
                    if received[index] == 13, received[index + 1] == 10 {
                        let line = try await bytes(index + 2 - position)
                        return String(decoding: line.dropLast(2), as: UTF8.self)
                    }
                    index += 1
                }
                let count = try await connection.receive(into: &received, upTo: 65_536)
                try #require(count > 0)
            }
        }

        /// The text behind the next line, whose last word is its length.
        func body() async throws -> String {
            let length = try await line().split(separator: " ").last.flatMap { Int($0) }
            return String(decoding: try await bytes(try #require(length) + 2), as: UTF8.self)
        }

        func statistics() async throws -> String {
            try await send(Array("stats\r\n".utf8))
            return try await body()
        }

        /// Sends, and expects exactly these lines, but for the number of seconds that something has taken.
        func expect(
            _ commands: String, _ replies: String, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            try await send(Array(commands.utf8))
            for expected in replies.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast() {
                let line = try await line()
                #expect(Self.withoutSeconds(line) == Self.withoutSeconds(expected), sourceLocation: sourceLocation)
            }
        }

        private static func withoutSeconds(_ line: some StringProtocol) -> String {
            var words = line.split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
            if words.first == "STATE", words.count == 8 { words[5] = "?" }
            if words.first == "DESCRIBED", words.count >= 10 { (words[4], words[5]) = ("?", "?") }
            return words.joined(separator: " ")
        }
    }
}
