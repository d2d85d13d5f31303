// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
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
        try receiver.set(.receiveTimeout, to: .seconds(10))
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

    /// Whether the kernel lists this machine as a member of an IPv6 group on the loopback interface.
    private func isMember(of group: IPv6Address) throws -> Bool {
        let list = try FileDescriptor.open(FilePath("/proc/net/igmp6"), .readOnly)
        defer { try? list.close() }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = try unsafe buffer.withUnsafeMutableBytes({ try unsafe list.read(into: $0) }), count > 0 {
            text += buffer.prefix(count)
        }
        let octets = (0..<16).map { group.octets[$0] }
        let name = octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return String(decoding: text, as: UTF8.self).split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 2 && fields[1] == "lo" && fields[2] == name
        }
    }

    // Linux sends no IPv6 multicast over its loopback interface, so the kernel's own list has to do.
    @Test func ipv6GroupIsJoinedAndLeftOnItsInterface() throws {
        let group = IPv6Address(high: 0xFF15 << 48, low: UInt64.random(in: 1...UInt64.max))
        let socket = try Socket(.ipv6, .datagram)
        #expect(try !isMember(of: group))
        try socket.joinGroup(group, on: loopback)
        #expect(try isMember(of: group))
        try socket.leaveGroup(group, on: loopback)
        #expect(try !isMember(of: group))
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
        try socket.set(.receiveTimeout, to: .seconds(10))
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
