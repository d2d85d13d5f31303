// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct AsyncDatagramTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    @Test func datagramsComeWithTheirSenders() async throws {
        let server = try Datagram.bind(to: .anyPort, on: loop)
        let client = try Datagram.bind(to: .anyPort, on: loop)
        for text in ["hello", "", "x"] {
            async let received = server.receive(upTo: 100)
            try await client.send(Array(text.utf8), to: server.localAddress)
            let (bytes, datagram) = try await received
            #expect(bytes == Array(text.utf8))
            #expect(datagram.sender == (try client.localAddress))
            #expect(!datagram.isTruncated)
        }
        loop.stop()
    }

    @Test func connectedSocketHearsItsPeerAndARefusal() async throws {
        let server = try Datagram.bind(to: .anyPort, on: loop)
        let client = try Datagram.connect(to: server.localAddress, on: loop)
        try await client.send([1, 2, 3])
        let (bytes, datagram) = try await server.receive(upTo: 2)
        #expect(bytes == [1, 2])
        #expect(datagram.isTruncated)
        server.close()
        let error = await failure {
            while true {
                try await client.send([1])
                _ = try await client.receive(upTo: 1, timeout: .seconds(10))
            }
        }
        #expect(error?.errno == .connectionRefused)
        loop.stop()
    }

    @Test func groupsAreJoinedAndHeard() async throws {
        let group = try #require(IPv4Address("239.255.7.9"))
        let receiver = try Datagram.bind(to: .ipv4(.any, port: 0), sharing: .shared, on: loop)
        try receiver.withSocket { socket throws(SocketError) in
            try socket.joinGroup(group, on: .address(.loopback))
        }
        let port = try #require(try receiver.localAddress.port)
        let sender = try Datagram.bind(to: .anyPort, on: loop)
        try sender.withSocket { socket throws(SocketError) in
            try socket.set(.ipv4MulticastInterface, to: .address(.loopback))
        }
        try await sender.send([7], to: .ipv4(group, port: port))
        #expect(try await receiver.receive(upTo: 10, timeout: .seconds(10)).bytes == [7])
        loop.stop()
    }

    @Test func closeAndDeadlineEndAWait() async throws {
        let socket = try Datagram.bind(to: .anyPort, on: loop)
        #expect(await failure { _ = try await socket.receive(upTo: 1, timeout: .milliseconds(10)) }?.errno == .timedOut)
        let waiting = Task(executorPreference: loop) { await failure { _ = try await socket.receive(upTo: 1) } }
        await loop.settle()
        socket.close()
        #expect(await waiting.value?.reason == .closed)
        loop.stop()
    }

    @Test func fullUnixReceiverIsWaitedFor() async throws {
        let folder = TemporaryFolder()
        let address = try SocketAddress(unixPath: folder.file("s"))
        let receiver = try Datagram.bind(to: address, on: loop)
        let sender = try Datagram.bind(to: .unix(.unnamed), on: loop)
        var count = 0
        while await failure({ try await sender.send([1], to: address, timeout: .milliseconds(20)) }) == nil {
            count += 1
        }
        #expect(count > 0)
        let waiting = Task(executorPreference: loop) { try await sender.send([2], to: address, timeout: .seconds(250)) }
        for _ in 0..<count { _ = try await receiver.receive(upTo: 1) }
        try await waiting.value
        #expect(try await receiver.receive(upTo: 1, timeout: .seconds(250)).bytes == [2])
        loop.stop()
    }
}
