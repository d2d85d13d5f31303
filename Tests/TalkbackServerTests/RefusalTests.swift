// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation
import Sockets
import TalkbackServer
import TestSupport
import Testing

/// Connections that a browser may have made, with commands in what a page can choose.
@Suite(.timeLimit(.minutes(5)))
struct RefusalTests {
    private let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    static let requests = [
        "POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\nput 0 0 60 1\r\nx\r\n",
        "GET /\r\nput 0 0 60 1\r\nx\r\n",
        "OPTIONS / HTTP/1.1\r\n\r\nput 0 0 60 1\r\nx\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\nput 0 0 60 1\r\nx\r\n",
        "PRI * HTTP/2.0\r\n\r\nput 0 0 60 1\r\nx\r\n",
        "use /\(String(repeating: "x", count: 600)) HTTP/1.1\r\n\r\nput 0 0 60 1\r\nx\r\n",
        "\u{16}\u{03}\u{01}\r\nput 0 0 60 1\r\nx\r\n",
        "\u{00}\u{03}\r\nput 0 0 60 1\r\nx\r\n",
    ]

    /// Sends a request in two pieces, and expects the end of the stream and nothing before it.
    private func expectEnd(_ servers: Servers, _ listener: Listener, _ request: [UInt8], cut: Int) async throws {
        let connection = try await Connection.connect(to: listener.address, on: loop)
        connection.setIdleTimeout(.seconds(250))
        try await connection.send(Array(request[..<cut]))
        try await servers.yield()
        // What comes after the end is thrown away for a second.
        try await connection.send(Array(request[cut...]))
        #expect(try await connection.receive(upTo: 100).isEmpty)
        connection.close()
    }

    @Test(arguments: Storage.allCases, requests)
    func requestIsRefusedHoweverItIsCut(storage: Storage, request: String) async throws {
        let servers = Servers(loop)
        let bytes = Array(request.utf8)
        try await servers.serving(storage, ServerOptions()) { listener, _ in
            for cut in 0..<min(bytes.count, 25) { try await expectEnd(servers, listener, bytes, cut: cut) }
            let client = try await servers.connect(listener)
            let statistics = try await client.statistics()
            #expect(statistics.contains("\ncmd-put: 0\n") && statistics.contains("\ntotal-jobs: 0\n"))
            #expect(statistics.contains("\ncurrent-connections: 1\n"))
        }
    }

    /// The urgent byte is not part of the stream.
    @Test func urgentByteHidesNothing() async throws {
        let servers = Servers(loop)
        try await servers.serving(.memory, ServerOptions()) { listener, _ in
            for (text, reply) in [("POST / HTTP/1.1\r\n\r\nput 0 0 60 1\r\nx\r\n", ""), ("use a\r\n", "USING a\r\n")] {
                let socket = try Socket.connect(to: listener.address)
                _ = try socket.send("!", flags: .outOfBand)
                let client = Servers.Client(try Connection(adopting: socket, on: loop))
                try await client.send(Array(text.utf8))
                let received = try await client.bytes(reply.isEmpty ? 1 : reply.utf8.count)
                #expect(String(decoding: received, as: UTF8.self) == reply)
            }
        }
    }

    @Test func otherFirstLinesAreAnsweredAsEver() async throws {
        let servers = Servers(loop)
        try await servers.serving(.memory, ServerOptions()) { listener, _ in
            for line in ["", "bogus", "GET", "RESERVE", " GET / HTTP/1.1", "x y z"] {
                let client = try await servers.connect(listener)
                for byte in "\(line)\r\n".utf8 { try await client.send([byte]) }
                try await client.expect("", "UNKNOWN_COMMAND\r\n")
                // Only the first line can be a request's.
                try await client.expect(
                    "POST / HTTP/1.1\r\nuse a\r\n", line.isEmpty ? "" : "UNKNOWN_COMMAND\r\nUSING a\r\n")
                if line.isEmpty { #expect(try await client.bytes(1).isEmpty) }
            }
        }
    }
}

/// What the program says of them.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct RefusalLogTests {
    @Test(arguments: ["127.0.0.1:0", "unix"])
    func onlyOneRefusalASecondIsLogged(place: String) throws {
        let folder = TemporaryFolder()
        let place = place == "unix" ? "unix:\(folder.file("s"))" : place
        let server = try Program("talkback", "serve", "--memory", "--listen", place)
        let address = try server.address()
        let begin = ContinuousClock.now
        for _ in 0..<50 {
            #expect(try Socket.answer(from: address, to: "POST / HTTP/1.1\r\n\r\nput 0 0 60 1\r\nx\r\n") == "")
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        #expect(try Socket.answer(from: address, to: "peek 1\r\n") == "NOT_FOUND\r\n")
        let outcome = server.end()
        #expect(outcome.status == 0)
        let lines = outcome.errors.split(separator: "\n").filter { $0.contains("refused a connection") }
        #expect((1...Int(seconds) + 1).contains(lines.count), "\(outcome.errors)")
        #expect(lines.first?.contains("an HTTP request (POST)") == true, "\(outcome.errors)")
    }
}
