// SPDX-License-Identifier: Apache-2.0

import CSockets
import Glibc
import Sockets
import SystemPackage
import TestSupport
import Testing

/// Options whose value is not simply what was set, and values that are no option's.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct OptionValueTests {
    @Test func bufferSizesAreDoubledByLinux() throws {
        let socket = try SocketKind.udp4.make()
        try socket.set(.receiveBufferSize, to: 10_000)
        BareOption(SOL_SOCKET, SO_RCVBUF).expect(socket, 20_000)
        #expect(try socket.get(.receiveBufferSize) == 20_000)
        try socket.set(.sendBufferSize, to: 10_000)
        BareOption(SOL_SOCKET, SO_SNDBUF).expect(socket, 20_000)
        #expect(try socket.get(.sendBufferSize) == 20_000)
    }

    @Test func timesAreRoundedUpAndNeverToNothing() throws {
        let socket = try SocketKind.tcp4.make()
        for shortest in [Duration.nanoseconds(1), .microseconds(1)] {
            try socket.set(.receiveTimeout, to: shortest)
            #expect(try socket.get(.receiveTimeout) >= .microseconds(1))
        }
        try socket.set(.keepAliveIdle, to: .milliseconds(1))
        BareOption(IPPROTO_TCP, TCP_KEEPIDLE).expect(socket, 1)
        try socket.set(.keepAliveIdle, to: .milliseconds(1001))
        BareOption(IPPROTO_TCP, TCP_KEEPIDLE).expect(socket, 2)
        try socket.set(.userTimeout, to: .microseconds(1))
        BareOption(IPPROTO_TCP, TCP_USER_TIMEOUT).expect(socket, 1)
        try socket.set(.linger, to: Linger(timeout: .milliseconds(1)))
        #expect(try socket.get(.linger) == Linger(timeout: .seconds(1)))
        try socket.set(.linger, to: .background)
        BareOption(SOL_SOCKET, SO_LINGER).expect(socket, nativeBytes(Int32(0)))
        #expect(try socket.get(.linger) == .background)
    }

    @Test func readOnlyOptionsTellTheTruth() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        #expect(try server.get(.isListening))
        let client = try Socket.connect(to: server.localAddress)
        let accepted = try server.accept()
        #expect(try client.get(.cookie) != accepted.get(.cookie))
        #expect(try client.get(.cookie) == client.get(.cookie))
        let cookie = try client.get(.cookie)
        BareOption(SOL_SOCKET, SO_COOKIE).expect(client, nativeBytes(cookie))
        let segment = try client.get(.maximumSegmentSize)
        #expect(segment > 500)
        BareOption(IPPROTO_TCP, TCP_MAXSEG).expect(client, segment)
        #expect(try client.get(.ipv4PathMTU) > segment)
        let path = try client.get(.ipv4PathMTU)
        BareOption(IPPROTO_IP, IP_MTU).expect(client, path)

        let limited = try SocketKind.tcp4.make()
        try limited.set(.maximumSegmentSize, to: 600)
        let small = try Socket.listen(on: .ipv4(.loopback, port: 0))
        try limited.connect(to: small.localAddress)
        #expect(try limited.get(.maximumSegmentSize) <= 600)
    }

    @Test func originalDestinationIsKnownOnlyToNetfilter() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Socket.connect(to: server.localAddress)
        let accepted = try server.accept()
        // ENOENT where connections are tracked, ENOPROTOOPT where they are not.
        do throws(SocketError) {
            let address = try accepted.get(.ipv4OriginalDestination)
            #expect(try address == accepted.localAddress)
        } catch {
            #expect(error.errno == .noSuchFileOrDirectory || error.errno == .protocolNotAvailable)
            #expect(error.description.hasPrefix("get option SO_ORIGINAL_DST: "))
        }
        _ = client.withDescriptor { $0 }
        let six = try SocketKind.tcp6.make()
        let error = #expect(throws: SocketError.self) { _ = try six.get(.ipv6OriginalDestination) }
        #expect(error?.description.hasPrefix("get option IP6T_SO_ORIGINAL_DST: ") == true)
    }

    @Test func pendingErrorIsTakenOnce() throws {
        let nobody = try SocketKind.udp4.make()
        try nobody.bind(to: .ipv4(.loopback, port: 0))
        let address = try nobody.localAddress
        let socket = try SocketKind.udp4.make()
        try socket.connect(to: address)
        try nobody.close()
        _ = try socket.send("to nobody")
        _ = try socket.wait(for: .readable, timeout: nil)
        #expect(try socket.takePendingError() == .connectionRefused)
        #expect(try socket.takePendingError() == nil)
    }

    @Test func multicastInterfaceOfAnIndexIsTaken() throws {
        let socket = try SocketKind.udp4.make()
        let index = try NetworkInterface(name: "lo").index
        try socket.set(.ipv4MulticastInterface, to: .index(index))
        let chosen = try socket.get(.ipv4MulticastInterface)
        #expect(chosen.index == index || chosen == .byRoute || chosen.address == .loopback)
        try socket.set(.ipv4MulticastInterface, to: .byRoute)
        #expect(try socket.get(.ipv4MulticastInterface) == .byRoute)
        let unknown = #expect(throws: SocketError.self) {
            try socket.set(.ipv4MulticastInterface, to: .index(1 << 30))
        }
        #expect(unknown?.errno == .addressNotAvailable)
    }

    @Test func valuesThatNoFieldHoldsAreRefusedBeforeAnySystemCall() throws {
        // No descriptor: a system call would give EBADF.
        let none = Socket(adopting: FileDescriptor(rawValue: -1))
        func reason(_ body: () throws(SocketError) -> Void) -> SocketError.Reason? {
            do throws(SocketError) {
                try body()
                return nil
            } catch {
                #expect(error.operation == .setOption)
                return error.reason
            }
        }
        #expect(reason { () throws(SocketError) in try none.set(.receiveBufferSize, to: -1) } == .invalid(.negative))
        #expect(
            reason { () throws(SocketError) in try none.set(.receiveBufferSize, to: 1 << 31) } == .invalid(.outOfRange))
        #expect(reason { () throws(SocketError) in try none.set(.ipv4TimeToLive, to: 0) } == .invalid(.outOfRange))
        #expect(reason { () throws(SocketError) in try none.set(.ipv4TimeToLive, to: 256) } == .invalid(.outOfRange))
        #expect(reason { () throws(SocketError) in try none.set(.ipv6HopLimit, to: -2) } == .invalid(.outOfRange))
        #expect(reason { () throws(SocketError) in try none.set(.keepAliveCount, to: 128) } == .invalid(.outOfRange))
        for time in [Duration.seconds(-1), .nanoseconds(-1)] {
            #expect(reason { () throws(SocketError) in try none.set(.receiveTimeout, to: time) } == .invalid(.negative))
            #expect(reason { () throws(SocketError) in try none.set(.keepAliveIdle, to: time) } == .invalid(.negative))
            #expect(
                reason { () throws(SocketError) in try none.set(.linger, to: Linger(timeout: time)) }
                    == .invalid(.negative))
        }
        #expect(
            reason { () throws(SocketError) in try none.set(.userTimeout, to: .seconds(Int64.max)) }
                == .invalid(.outOfRange))
        #expect(
            reason { () throws(SocketError) in try none.set(.linger, to: Linger(timeout: .seconds(65_536))) }
                == .invalid(.outOfRange))
        #expect(
            reason { () throws(SocketError) in try none.set(.boundDevice, to: "sixteencharacters") }
                == .invalid(.textTooLong(limit: 15)))
        #expect(
            reason { () throws(SocketError) in try none.set(.congestionControl, to: .init(rawValue: "a\0b")) }
                == .invalid(.zeroByte))
        // And the descriptor really is none.
        #expect(
            reason { () throws(SocketError) in try none.set(.noDelay, to: true) } == .system(.badFileDescriptor))
        _ = none.release()
    }

    @Test func optionOfAnotherKindOfSocketIsAnErrorThatNamesIt() throws {
        let socket = try SocketKind.udp4.make()
        let set = #expect(throws: SocketError.self) { try socket.set(.noDelay, to: true) }
        #expect(set?.description.hasPrefix("set option TCP_NODELAY: ") == true)
        let get = #expect(throws: SocketError.self) { _ = try socket.get(.ipv6Only) }
        #expect(get?.description.hasPrefix("get option IPV6_V6ONLY: ") == true)
    }

    @Test func anyOptionIsReachedByItsNumber() throws {
        let socket = try SocketKind.tcp4.make()
        try socket.set(SocketOption(flag: Int32(TCP_NODELAY), level: .tcp), to: true)
        #expect(try socket.get(.noDelay))
        try socket.set(SocketOption(integer: Int32(TCP_KEEPCNT), level: .tcp), to: 4)
        #expect(try socket.get(.keepAliveCount) == 4)
        let linger = SocketOption(bytes: Int32(SO_LINGER), level: .socket, capacity: 8)
        try socket.set(linger, to: nativeBytes(Int32(1)) + nativeBytes(Int32(9)))
        #expect(try socket.get(.linger) == Linger(timeout: .seconds(9)))
        #expect(try socket.get(linger) == nativeBytes(Int32(1)) + nativeBytes(Int32(9)))
    }

    @Test func filtersAreAttachedReadAndDetached() throws {
        let receiver = try SocketKind.udp4.make()
        try receiver.bind(to: .ipv4(.loopback, port: 0))
        let sender = try SocketKind.udp4.make()
        try sender.connect(to: receiver.localAddress)
        #expect(try receiver.filter.isEmpty)

        // BPF_RET | BPF_K with 0: keep nothing of any packet.
        let dropAll = [PacketFilterInstruction(code: 0x06, operand: 0)]
        try receiver.attachFilter(dropAll)
        #expect(try receiver.filter == dropAll)
        _ = try sender.send("dropped")
        try receiver.detachFilter()
        #expect(try receiver.filter.isEmpty)
        _ = try sender.send("kept")
        #expect(try receiver.receive(upTo: 100) == Array("kept".utf8))

        let nothing = #expect(throws: SocketError.self) { try receiver.detachFilter() }
        #expect(nothing?.errno == .noSuchFileOrDirectory)
        let faulty = #expect(throws: SocketError.self) {
            try receiver.attachFilter([PacketFilterInstruction(code: 0xFFFF, operand: 0)])
        }
        #expect(faulty?.errno == .invalidArgument)
        let long = #expect(throws: SocketError.self) {
            try receiver.attachFilter([PacketFilterInstruction](repeating: dropAll[0], count: 4097))
        }
        #expect(long?.reason == .invalid(.outOfRange))
    }
}
