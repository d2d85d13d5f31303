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

    @Test func zeroTimeoutTriesOnce() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let address = try server.localAddress
        let direct = try Socket.connect(to: address, timeout: .zero)
        #expect(try direct.peerAddress == address)
        let named = try Socket.connect(toHost: "127.0.0.1", port: #require(address.port), timeout: .zero)
        #expect(try named.peerAddress == address)
        let nobody = try nobody()
        let refused = #expect(throws: SocketError.self) {
            _ = try Socket.connect(to: nobody.localAddress, timeout: .zero)
        }
        #expect(refused?.errno == .connectionRefused)
        let full = try fullListener()
        let late = #expect(throws: SocketError.self) {
            _ = try Socket.connect(to: full.listener.localAddress, timeout: .zero)
        }
        #expect(late?.errno == .timedOut)
    }

    enum Way: CaseIterable {
        case waiting, withinTime, inTwoSteps
    }

    private func connect(_ socket: borrowing Socket, to address: SocketAddress, _ way: Way) throws(SocketError) {
        switch way {
        case .waiting: try socket.connect(to: address)
        case .withinTime: try socket.connect(to: address, timeout: .seconds(30))
        case .inTwoSteps:
            try socket.setBlockingMode(.nonBlocking)
            var progress = try socket.startConnect(to: address)
            while progress == .inProgress {
                _ = try socket.wait(for: .writable, timeout: nil)
                progress = try socket.finishConnect()
            }
        }
    }

    /// A socket that is bound to the port it connects to becomes its own peer, as one may by accident that is not
    /// bound.
    @Test(arguments: Way.allCases, [IPAddress.v4(.loopback), .v6(.loopback)])
    func socketIsNotConnectedToItself(way: Way, ip: IPAddress) throws {
        let server = try Socket.listen(on: SocketAddress(ip, port: 0))
        let serverAddress = try server.localAddress
        let socket = try Socket(ip.family, .stream)
        try socket.bind(to: SocketAddress(ip, port: 0))
        let own = try socket.localAddress
        let error = #expect(throws: SocketError.self) { try connect(socket, to: own, way) }
        #expect(error?.description == "connect \(own): Connection refused (ECONNREFUSED)")
        #expect(throws: SocketError.self) { _ = try socket.isConnectedToItself }
        #expect(try socket.takePendingError() == nil)
        // It is as good as new, as after any refusal.
        try connect(socket, to: serverAddress, way)
        #expect(try socket.peerAddress == serverAddress)
        #expect(try !socket.isConnectedToItself)
    }

    @Test func datagramSocketMaySendToItself() throws {
        let socket = try Socket(.ipv4, .datagram)
        try socket.bind(to: .ipv4(.loopback, port: 0))
        try socket.connect(to: socket.localAddress)
        #expect(try socket.send([1]) == 1)
        #expect(try socket.receive(upTo: 10) == [1])
        #expect(try !socket.isConnectedToItself)
    }

    /// The system gives every port in turn, so that some attempt gets the port that it connects to.
    @Test func portThatIsItsOwnTargetIsRefused() throws {
        // An address that no other test listens on.
        let address: SocketAddress
        do {
            let socket = try Socket(.ipv4, .stream)
            try socket.bind(to: .ipv4(IPv4Address(127, 83, 21, 9), port: 0))
            address = try socket.localAddress
        }
        // Not with the macros, which take longer than the calls.
        var others: [SocketError] = []
        for _ in 0..<40_000 {
            do throws(SocketError) {
                _ = try Socket.connect(to: address)
                Issue.record("something is connected")
                return
            } catch {
                if error.errno != .connectionRefused { others.append(error) }
            }
        }
        #expect(others.isEmpty)
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
