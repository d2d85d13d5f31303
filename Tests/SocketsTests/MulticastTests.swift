// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(1)))
struct MulticastTests {
    private let loopback: UInt32

    init() throws {
        loopback = try NetworkInterface(name: "lo").index
    }

    @Test func ipv4GroupReceivesWhatIsSentToItOnItsInterface() throws {
        let group = IPv4Address(239, 1, 2, 3)
        let receiver = try Socket(.ipv4, .datagram)
        try receiver.bind(to: .ipv4(.any, port: 0))
        try receiver.set(.ipv4MulticastAll, to: false)
        let port = try #require(try receiver.localAddress.port)
        let sender = try Socket(.ipv4, .datagram)
        try sender.set(.ipv4MulticastInterface, to: .index(loopback))
        try sender.set(.ipv4MulticastLoop, to: true)

        try receiver.joinGroup(group, on: .index(loopback))
        try sender.send([1], to: .ipv4(group, port: port))
        #expect(try receiver.receive(upTo: 10) == [1])

        try receiver.leaveGroup(group, on: .index(loopback))
        try sender.send([2], to: .ipv4(group, port: port))
        #expect(try receiver.wait(for: .readable, timeout: .milliseconds(50)).isEmpty)
    }

    @Test func ipv6GroupReceivesWhatIsSentToItOnItsInterface() throws {
        let group = IPv6Address(0xFF15, 0, 0, 0, 0, 0, 0, 0x1234)
        let receiver = try Socket(.ipv6, .datagram)
        try receiver.bind(to: .ipv6(.any, port: 0))
        let port = try #require(try receiver.localAddress.port)
        let sender = try Socket(.ipv6, .datagram)
        try sender.set(.ipv6MulticastInterface, to: loopback)
        try sender.set(.ipv6MulticastLoop, to: true)
        try receiver.joinGroup(group, on: loopback)
        do throws(SocketError) {
            try sender.send([1], to: .ipv6(group, port: port, scope: loopback))
            #expect(try receiver.receive(upTo: 10) == [1])
        } catch {
            // Machines whose loopback interface has no IPv6 multicast route say so.
            #expect(error.errno == .networkUnreachable || error.errno == .addressNotAvailable)
        }
        try receiver.leaveGroup(group, on: loopback)
    }

    @Test func joiningTwiceAndLeavingUnjoinedAreRefused() throws {
        let socket = try Socket(.ipv4, .datagram)
        let group = IPv4Address(239, 1, 2, 4)
        try socket.joinGroup(group, on: .address(.loopback))
        let twice = #expect(throws: SocketError.self) { try socket.joinGroup(group, on: .address(.loopback)) }
        #expect(twice?.description == "set option IP_ADD_MEMBERSHIP: Address already in use (EADDRINUSE)")
        try socket.leaveGroup(group, on: .address(.loopback))
        let unjoined = #expect(throws: SocketError.self) { try socket.leaveGroup(group, on: .address(.loopback)) }
        #expect(unjoined?.errno == .addressNotAvailable)

        let six = try Socket(.ipv6, .datagram)
        let group6 = IPv6Address(0xFF15, 0, 0, 0, 0, 0, 0, 1)
        try six.joinGroup(group6, on: loopback)
        #expect(throws: SocketError.self) { try six.joinGroup(group6, on: loopback) }
        try six.leaveGroup(group6, on: loopback)
        let unknown = #expect(throws: SocketError.self) { try six.joinGroup(group6, on: 1 << 30) }
        #expect(unknown?.errno == .operationNotSupportedByDevice)
    }

    @Test func sourcesAreJoinedAndBlocked() throws {
        let group = IPAddress.v4(IPv4Address(232, 1, 2, 3))
        let socket = try Socket(.ipv4, .datagram)
        try socket.bind(to: .ipv4(.any, port: 0))
        try socket.set(.ipv4MulticastAll, to: false)
        try socket.joinSource(.v4(.loopback), of: group, on: loopback)
        let port = try #require(try socket.localAddress.port)
        let sender = try Socket(.ipv4, .datagram)
        try sender.set(.ipv4MulticastInterface, to: .address(.loopback))
        try sender.send([1], to: SocketAddress(group, port: port))
        #expect(try socket.receive(upTo: 10) == [1])
        try socket.leaveSource(.v4(.loopback), of: group, on: loopback)

        let notJoined = #expect(throws: SocketError.self) {
            try socket.blockSource(.v4(.loopback), of: group, on: loopback)
        }
        #expect(notJoined?.errno == .invalidArgument)
        try socket.joinGroup(IPv4Address(232, 1, 2, 3), on: .index(loopback))
        try socket.blockSource(.v4(.loopback), of: group, on: loopback)
        try sender.send([2], to: SocketAddress(group, port: port))
        #expect(try socket.wait(for: .readable, timeout: .milliseconds(50)).isEmpty)
        try socket.unblockSource(.v4(.loopback), of: group, on: loopback)
        try sender.send([3], to: SocketAddress(group, port: port))
        #expect(try socket.receive(upTo: 10) == [3])

        let six = try Socket(.ipv6, .datagram)
        let group6 = IPAddress.v6(IPv6Address(0xFF35, 0, 0, 0, 0, 0, 0, 1))
        try six.joinSource(.v6(.loopback), of: group6, on: loopback)
        try six.leaveSource(.v6(.loopback), of: group6, on: loopback)
        try six.joinGroup(IPv6Address(0xFF35, 0, 0, 0, 0, 0, 0, 1), on: loopback)
        try six.blockSource(.v6(.loopback), of: group6, on: loopback)
        try six.unblockSource(.v6(.loopback), of: group6, on: loopback)
    }

    @Test func wrongAddressesAreRefusedBeforeAnySystemCall() throws {
        let socket = try Socket(.ipv4, .datagram)
        let unicast = #expect(throws: SocketError.self) { try socket.joinGroup(IPv4Address.loopback) }
        #expect(unicast?.reason == .invalid(.notMulticast))
        let mixed = #expect(throws: SocketError.self) {
            try socket.joinSource(.v6(.loopback), of: .v4(IPv4Address(232, 1, 2, 3)))
        }
        #expect(mixed?.reason == .invalid(.wrongFamily(.ipv6)))
    }
}
