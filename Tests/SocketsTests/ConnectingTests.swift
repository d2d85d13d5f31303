// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct ConnectingTests {
    private func nobody() throws -> Socket {
        let socket = try Socket(.ipv4, .stream)
        try socket.bind(to: .ipv4(.loopback, port: 0))
        return socket
    }

    /// A Unix listener whose backlog is full, so that connecting to it has to wait.
    private func fullListener() throws -> Full {
        let listener = try Socket.listen(on: .unix(.unnamed), backlog: 0)
        let waiting = try Socket.connect(to: listener.localAddress)
        return Full(listener: listener, waiting: waiting)
    }

    private struct Full: ~Copyable {
        let listener: Socket
        let waiting: Socket
    }

    @Test func refusalNamesTheAddress() throws {
        let nobody = try nobody()
        let address = try nobody.localAddress
        let error = #expect(throws: SocketError.self) { _ = try Socket.connect(to: address) }
        #expect(error?.description == "connect \(address): Connection refused (ECONNREFUSED)")
        let timed = #expect(throws: SocketError.self) {
            _ = try Socket.connect(to: address, timeout: .seconds(30))
        }
        #expect(timed == error)
    }

    @Test func timeoutEndsTheWaitAndRestoresTheMode() throws {
        let full = try fullListener()
        let address = try full.listener.localAddress
        let socket = try Socket(.unix, .stream)
        let begin = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try socket.connect(to: address, timeout: .milliseconds(50))
        }
        #expect(ContinuousClock.now - begin >= .milliseconds(50))
        #expect(error?.description == "connect \(address): Connection timed out (ETIMEDOUT)")
        #expect(try socket.blockingMode == .blocking)

        let accepted = try full.listener.acceptWithPeer()
        #expect(accepted.peer == .unix(.unnamed))
        try socket.connect(to: address, timeout: .seconds(30))
        #expect(try socket.blockingMode == .blocking)
        #expect(try socket.peerAddress == address)
    }

    @Test func timeoutEndsTheWaitForAListenerThatDropsConnections() throws {
        let listener = try Socket.listen(on: .ipv4(.loopback, port: 0), backlog: 0)
        let address = try listener.localAddress
        // Linux completes backlog + 1 connections and drops the packets of the next.
        var waiting: [Held] = []
        let error = #expect(throws: SocketError.self) {
            for _ in 0..<10 {
                waiting.append(Held(try Socket.connect(to: address, timeout: .milliseconds(200))))
            }
        }
        #expect(error?.errno == .timedOut)
    }

    @Test func negativeTimeoutIsRefused() throws {
        let socket = try Socket(.ipv4, .stream)
        let error = #expect(throws: SocketError.self) {
            try socket.connect(to: .ipv4(.loopback, port: 1), timeout: .seconds(-1))
        }
        #expect(error?.reason == .invalid(.negative))
    }

    @Test func twoStepsConnect() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let socket = try Socket(.ipv4, .stream, mode: .nonBlocking)
        var progress = try socket.startConnect(to: server.localAddress)
        while progress == .inProgress {
            _ = try socket.wait(for: .writable, timeout: nil)
            progress = try socket.finishConnect()
        }
        #expect(progress == .connected)
        #expect(try socket.finishConnect() == .connected)
    }

    @Test func twoStepsReportARefusalOnce() throws {
        let nobody = try nobody()
        let socket = try Socket(.ipv4, .stream, mode: .nonBlocking)
        #expect(try socket.finishConnect() == .inProgress)
        let error = #expect(throws: SocketError.self) {
            _ = try socket.startConnect(to: nobody.localAddress)
            _ = try socket.wait(for: .writable, timeout: nil)
            _ = try socket.finishConnect()
        }
        #expect(error?.errno == .connectionRefused)
        #expect(try socket.takePendingError() == nil)
    }

    @Test func fullBacklogOfAUnixListenerWouldBlock() throws {
        let full = try fullListener()
        let socket = try Socket(.unix, .stream, mode: .nonBlocking)
        #expect(try socket.startConnect(to: full.listener.localAddress) == .wouldBlock)
    }

    @Test func hostsAreConnectedByNameAndByAddress() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let port = try #require(try server.localAddress.port)
        for host in ["127.0.0.1", "localhost"] {
            let client = try Socket.connect(toHost: host, port: port, timeout: .seconds(30))
            #expect(try client.peerAddress.port == port)
        }
    }

    @Test func failedHostNamesItsOnlyAddress() throws {
        let nobody = try nobody()
        let address = try nobody.localAddress
        let error = #expect(throws: SocketError.self) {
            _ = try Socket.connect(toHost: "127.0.0.1", port: address.port ?? 0)
        }
        #expect(error?.address == address)
    }

    @Test func connectedDatagramSocketHearsOnlyItsPeer() throws {
        let here = try Socket(.ipv4, .datagram)
        try here.bind(to: .ipv4(.loopback, port: 0))
        let peer = try Socket(.ipv4, .datagram)
        try peer.bind(to: .ipv4(.loopback, port: 0))
        let stranger = try Socket(.ipv4, .datagram)
        try here.connect(to: peer.localAddress)
        try stranger.send(Array("stranger".utf8), to: here.localAddress)
        try peer.send(Array("peer".utf8), to: here.localAddress)
        #expect(try here.receive(upTo: 100) == Array("peer".utf8))
        #expect(try here.tryReceive(upTo: 100) == nil)
    }
}
