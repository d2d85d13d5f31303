// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Glibc
import Sockets
import SystemPackage
import TestSupport
import Testing

/// Nothing that a user can set makes a call wait on the loop's thread.
@Suite(.timeLimit(.minutes(5)))
struct BlockingTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    private enum WayToLinger: CaseIterable {
        case option, lentSocket, adoptedSocket, adoptedListener
    }

    /// Output that the peer does not take, on a socket that is to linger when it is closed.
    private func lingeringConnection(_ way: WayToLinger) async throws -> (connection: Connection, peer: Connection) {
        let linger = Linger(timeout: .seconds(30))
        let listening = try Socket.listen(on: .anyPort)
        let address = try listening.localAddress
        let connection: Connection
        let peer: Connection
        switch way {
        case .option, .lentSocket:
            connection = try await Connection.connect(to: address, on: loop)
            peer = try Connection(adopting: try listening.accept(), on: loop)
            if way == .option {
                try connection.set(.linger, to: linger)
            } else {
                try connection.withSocket { socket throws(SocketError) in try socket.set(.linger, to: linger) }
            }
        case .adoptedSocket:
            let socket = try Socket.connect(to: address)
            try socket.set(.linger, to: linger)
            connection = try Connection(adopting: socket, on: loop)
            peer = try Connection(adopting: try listening.accept(), on: loop)
        case .adoptedListener:
            try listening.set(.linger, to: linger)
            let listener = try Listener.adopt(listening, on: loop)
            peer = try await Connection.connect(to: address, on: loop)
            connection = try await listener.accept()
        }
        #expect(try connection.get(.linger) == linger)
        let much = [UInt8](repeating: 1, count: 64 << 20)
        #expect(await failure { try await connection.send(much, timeout: .milliseconds(10)) }?.errno == .timedOut)
        return (connection, peer)
    }

    @Test(arguments: WayToLinger.allCases)
    private func closingDoesNotLinger(way: WayToLinger) async throws {
        let (connection, peer) = try await lingeringConnection(way)
        let duration = await Task(executorPreference: loop) {
            ContinuousClock().measure { connection.close() }
        }.value
        #expect(duration < .seconds(10))
        // Nothing is lost by it: the peer gets all that the kernel had taken.
        var count = 0
        while case let piece = try await peer.receive(upTo: 1 << 20), !piece.isEmpty { count += piece.count }
        #expect(count > 0)
        loop.stop()
    }

    @Test func resetStillResets() async throws {
        let (client, served) = try await tcpPair(loop)
        try client.reset()
        #expect(await failure { _ = try await served.receive(upTo: 1) }?.errno == .connectionReset)
        loop.stop()
    }

    /// Somebody else's lock on the folder of a Unix socket, which binding takes too, so as not to replace a live one.
    @Test func bindingDoesNotWaitForALockOnTheLoop() async throws {
        let folder = TemporaryFolder()
        let address = SocketAddress.unix(try UnixAddress(path: folder.file("s")))
        let handle = try FileDescriptor.open(FilePath(folder.path), .readOnly)
        try #require(flock(handle.rawValue, LOCK_EX) == 0)
        let duration = try await Task(executorPreference: loop) {
            try ContinuousClock().measure { _ = try Listener.bind(to: address, on: loop) }
        }.value
        #expect(duration < .milliseconds(900))
        try handle.close()
        loop.stop()
    }
}
