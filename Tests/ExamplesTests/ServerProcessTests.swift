// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TestSupport
import Testing

/// What the three servers have in common.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct ServerProcessTests {
    static let servers = ["data-server", "greeting-server", "reverse-server"]

    @Test(arguments: servers, [SIGINT, SIGTERM])
    func signalsEndAServerWithStatusZero(name: String, signal: Int32) throws {
        let server = try Program(name, "127.0.0.1", "0")
        let address = try server.address()
        let silent = try Socket.connect(to: address)
        let outcome = server.end(signal)
        #expect(outcome.status == 0)
        _ = consume silent
    }

    @Test(arguments: servers)
    func takenPortIsAnErrorAndNothingListens(name: String) throws {
        let taken = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let port = try #require(try taken.localAddress.port)
        let outcome = try Program(name, "127.0.0.1", "\(port)").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors == "Error: bind 127.0.0.1:\(port): Address already in use (EADDRINUSE)\n")
    }

    @Test(arguments: servers)
    func serverRestartsWhileItsOldConnectionsAreRemembered(name: String) throws {
        let first = try Program(name, "127.0.0.1", "0")
        let address = try first.address()
        // The server closes first, so that its side is the one that remembers.
        let client = try Socket.connect(to: address)
        try client.sendAll("x\n")
        _ = try client.receiveAll()
        #expect(first.end().status == 0)
        let second = try Program(name, "127.0.0.1", "\(address.port ?? 0)")
        #expect(try second.address() == address)
    }

    @Test(arguments: servers)
    func hundredAtOnceAreAllServed(name: String) throws {
        let server = try Program(name, "127.0.0.1", "0", "--live", "20")
        let address = try server.address()
        var descriptors: [FileDescriptor] = []
        let count = name == "greeting-server" ? 4 : 100
        for _ in 0..<count {
            let client = try Socket.connect(to: address)
            try client.sendAll("x")
            try client.shutdown(.sending)
            descriptors.append(client.release())
        }
        for descriptor in descriptors {
            let client = Socket(adopting: descriptor)
            let answer = try client.receiveText()
            #expect(["数据是 x", "测试成功!\n", "x\n"].contains(answer))
        }
    }

    @Test(
        arguments: servers,
        [["127.0.0.1", "70000"], ["127.0.0.1", "-1"], ["127.0.0.1", "x"], ["--timeout", "-1"], ["--live", "0"]])
    func badArgumentsAreRefused(name: String, arguments: [String]) throws {
        let outcome = try Program(name, arguments).outcome()
        #expect(outcome.status == 64)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: "))
    }

    @Test(arguments: servers)
    func emptyHostIsRefused(name: String) throws {
        let outcome = try Program(name, "").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors == "Error: resolve \"\": the host is empty\n")
    }

    @Test(arguments: servers + ["data-client", "greeting-client", "reverse-client"])
    func helpIsComplete(name: String) throws {
        let outcome = try Program(name, "--help").outcome()
        #expect(outcome.status == 0)
        for word in ["USAGE: \(name)", "<host>", "<port>", "--timeout", "(default: "] {
            #expect(outcome.output.contains(word))
        }
    }

    @Test(arguments: servers)
    func runningOutOfDescriptorsEndsNoServer(name: String) throws {
        let limit = 24
        let server = try Program(descriptorLimit: limit, name, "127.0.0.1", "0")
        let address = try server.address()
        var clients: [FileDescriptor] = []
        for _ in 0..<30 {
            clients.append(try Socket.connect(to: address).release())
        }
        let complaint = "accept: Too many open files (EMFILE)"
        #expect(server.errorLine() == complaint)
        // Whatever else needs a descriptor, as libdispatch does or ends the process, finds one; also when others have
        // come in place of those that went.
        for _ in 0..<5 {
            #expect(try #require(server.descriptorCount) < limit - 1)
            try clients.removeFirst().close()
            var line: String
            repeat { line = server.errorLine() } while line != complaint && !line.isEmpty
            #expect(line == complaint)
        }
        let used = try #require(server.processorTicks)
        usleep(200_000)
        // Waiting for a descriptor, it does not spin: a hundredth of a second is a tick.
        #expect(try #require(server.processorTicks) - used < 10)
        for client in clients {
            try client.close()
        }
        let client = try Socket.connect(to: address)
        try client.sendAll("a\n")
        #expect(try !client.receiveAll().isEmpty)
        #expect(server.end().status == 0)
    }

    @Test func thousandsOfConnectionsLeaveNoMemoryBehind() throws {
        let server = try Program(forgettingFreedMemory: "data-server", "127.0.0.1", "0")
        let address = try server.address()
        func serve(_ count: Int) throws -> Int {
            for _ in 0..<count {
                let client = try Socket.connect(to: address)
                try client.set(.linger, to: .reset)
                try client.sendAll("x")
                try client.shutdown(.sending)
                _ = try client.receiveAll()
            }
            return try #require(server.residentKibibytes)
        }
        let before = try serve(1000)
        let after = try serve(10_000)
        // A hundred bytes a connection would be a mebibyte.
        #expect(after - before < 1000)
    }

    @Test(arguments: servers)
    func serverListensOnIPv6(name: String) throws {
        let server = try Program(name, "::1", "0")
        let address = try server.address()
        #expect(address.family == .ipv6)
        let client = try Socket.connect(to: address)
        try client.sendAll("a\n")
        #expect(try !client.receiveAll().isEmpty)
    }
}
