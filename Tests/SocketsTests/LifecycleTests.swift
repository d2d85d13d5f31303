// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage
import Testing

@Suite struct LifecycleTests {
    static let kinds: [(AddressFamily, SocketType, SocketProtocol)] = [
        (.ipv4, .stream, .default), (.ipv4, .stream, .tcp), (.ipv4, .datagram, .default), (.ipv4, .datagram, .udp),
        (.ipv6, .stream, .default), (.ipv6, .datagram, .udp), (.unix, .stream, .default),
        (.unix, .datagram, .default), (.unix, .sequencedPacket, .default),
    ]

    @Test(arguments: kinds)
    func everyKindIsCreatedAsAsked(family: AddressFamily, type: SocketType, proto: SocketProtocol) throws {
        let socket = try Socket(family, type, protocol: proto)
        #expect(try socket.get(.family) == family)
        #expect(try socket.get(.type) == type)
        if proto != .default {
            #expect(try socket.get(.protocol) == proto)
        }
        #expect(try socket.blockingMode == .blocking)
        #expect(try socket.isInheritable == false)
    }

    static let refused: [(AddressFamily, SocketType, SocketProtocol, Errno)] = [
        (.ipv4, .datagram, .tcp, .protocolNotSupported), (.ipv4, .sequencedPacket, .default, .socketTypeNotSupported),
        (.unix, .stream, .tcp, .protocolNotSupported),
        (.init(rawValue: 9999), .stream, .default, .addressFamilyNotSupported),
        (.ipv4, .init(rawValue: -1), .default, .invalidArgument),
    ]

    @Test(arguments: refused)
    func refusedCombinationIsAnError(
        family: AddressFamily, type: SocketType, proto: SocketProtocol, errno: Errno
    ) throws {
        let error = #expect(throws: SocketError.self) {
            _ = try Socket(family, type, protocol: proto)
        }
        #expect(error?.operation == .create)
        #expect(error?.errno == errno)
    }

    @Test func nonBlockingFromBirth() throws {
        let socket = try Socket(.ipv4, .stream, mode: .nonBlocking)
        #expect(try socket.blockingMode == .nonBlocking)
        let flags = socket.withDescriptor { fcntl($0.rawValue, F_GETFL) }
        #expect(flags & O_NONBLOCK != 0)
        try socket.setBlockingMode(.blocking)
        #expect(socket.withDescriptor { fcntl($0.rawValue, F_GETFL) } & O_NONBLOCK == 0)
    }

    @Test func closedAndForgottenSocketsReachTheEndOfTheStream() throws {
        let pair = try Socket.pair()
        let first = pair.first
        let second = pair.second
        try first.close()
        #expect(try second.receive(upTo: 1).isEmpty)

        let other = try Socket.pair()
        let kept = other.first
        forget(other.second)
        #expect(try kept.receive(upTo: 1).isEmpty)
    }

    private func forget(_ socket: consuming Socket) {}

    @Test func releaseDoesNotCloseAndAdoptingDoes() throws {
        let pair = try Socket.pair()
        let peer = pair.first
        let descriptor = pair.second.release()
        #expect(try peer.tryReceive(upTo: 1) == nil)
        forget(Socket(adopting: descriptor))
        // Waits: a program that another test is about to start may have a copy of the descriptor for a moment.
        #expect(try peer.receive(upTo: 1) == [])
    }

    @Test func closeReportsWhatTheSystemSays() throws {
        let error = #expect(throws: SocketError.self) {
            try Socket(adopting: FileDescriptor(rawValue: -1)).close()
        }
        #expect(error?.description == "close: Bad file descriptor (EBADF)")
    }

    @Test func duplicatesShareTheConnection() throws {
        let pair = try Socket.pair()
        let peer = pair.second
        let duplicate = try pair.first.duplicate()
        forget(pair.first)
        #expect(try duplicate.send("still here") == 10)
        #expect(try peer.receive(upTo: 100) == Array("still here".utf8))
        forget(duplicate)
        #expect(try peer.receive(upTo: 100).isEmpty)
    }

    @Test(arguments: [SocketType.stream, .datagram, .sequencedPacket])
    func pairsAreConnected(type: SocketType) throws {
        let pair = try Socket.pair(type)
        #expect(try pair.first.send("there") == 5)
        #expect(try pair.second.receive(upTo: 100) == Array("there".utf8))
        #expect(try pair.second.send("back") == 4)
        #expect(try pair.first.receive(upTo: 100) == Array("back".utf8))
    }

    @Test func linuxMakesNoPairsOfInternetSockets() throws {
        let error = #expect(throws: SocketError.self) { _ = try Socket.pair(family: .ipv4) }
        #expect(error?.operation == .createPair)
        #expect(error?.errno == .notSupportedOnSocket)
    }

    @Test func socketIsTheSameInAnotherThread() throws {
        let pair = try Socket.pair()
        let peer = pair.second
        let descriptor = pair.first.release()
        let thread = TestThread {
            let socket = Socket(adopting: descriptor)
            _ = try? socket.send("from the thread")
        }
        #expect(try peer.receive(upTo: 100) == Array("from the thread".utf8))
        #expect(try peer.receive(upTo: 100).isEmpty)
        thread.join()
    }
}
