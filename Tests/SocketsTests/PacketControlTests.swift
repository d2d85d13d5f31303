// SPDX-License-Identifier: Apache-2.0

import Sockets
import TestSupport
import Testing

/// Control data of IP packets: each kind is asked for, sent, and seen at the other end.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct PacketControlTests {
    private struct Ends: ~Copyable {
        let sender: Socket
        let receiver: Socket

        init(_ address: SocketAddress) throws {
            let receiver = try Socket(address.family, .datagram)
            try receiver.bind(to: address)
            let sender = try Socket(address.family, .datagram)
            try sender.connect(to: receiver.localAddress)
            self.receiver = receiver
            self.sender = sender
        }

        /// The control data that arrives when a datagram is sent with `control`.
        func exchange(_ control: [ControlMessage], room: ControlSpace) throws -> [ControlMessage] {
            _ = try sender.sendMessage([1], control: control)
            var vector = try IOVector(capacities: [1])
            return try receiver.receiveMessage(into: &vector, control: room).control
        }
    }

    private static let ipv4 = SocketAddress.ipv4(.loopback, port: 0)
    private static let ipv6 = SocketAddress.ipv6(.loopback, port: 0)

    @Test func timeToLive() throws {
        let ends = try Ends(Self.ipv4)
        try ends.receiver.set(.ipv4ReceiveTimeToLive, to: true)
        #expect(try ends.exchange([.ipv4TimeToLive(7)], room: .number) == [.ipv4TimeToLive(7)])
        try ends.sender.set(.ipv4TimeToLive, to: 9)
        #expect(try ends.exchange([], room: .number) == [.ipv4TimeToLive(9)])
    }

    @Test func typeOfService() throws {
        let ends = try Ends(Self.ipv4)
        try ends.receiver.set(.ipv4ReceiveTypeOfService, to: true)
        #expect(try ends.exchange([.ipv4TypeOfService(0x20)], room: .number) == [.ipv4TypeOfService(0x20)])
        try ends.sender.set(.ipv4TypeOfService, to: 0x40)
        #expect(try ends.exchange([], room: .number) == [.ipv4TypeOfService(0x40)])
    }

    @Test func hopLimit() throws {
        let ends = try Ends(Self.ipv6)
        try ends.receiver.set(.ipv6ReceiveHopLimit, to: true)
        #expect(try ends.exchange([.ipv6HopLimit(7)], room: .number) == [.ipv6HopLimit(7)])
        try ends.sender.set(.ipv6HopLimit, to: 9)
        #expect(try ends.exchange([], room: .number) == [.ipv6HopLimit(9)])
    }

    @Test func trafficClass() throws {
        let ends = try Ends(Self.ipv6)
        try ends.receiver.set(.ipv6ReceiveTrafficClass, to: true)
        #expect(try ends.exchange([.ipv6TrafficClass(0x20)], room: .number) == [.ipv6TrafficClass(0x20)])
        try ends.sender.set(.ipv6TrafficClass, to: 0x40)
        #expect(try ends.exchange([], room: .number) == [.ipv6TrafficClass(0x40)])
    }

    @Test func ipv4PacketInfoTellsTheInterfaceAndChoosesTheSource() throws {
        let ends = try Ends(Self.ipv4)
        try ends.receiver.set(.ipv4ReceivePacketInfo, to: true)
        let loopback = try NetworkInterface(name: "lo").index
        let info = IPv4PacketInfo(interface: loopback, localAddress: .loopback, destination: .loopback)
        #expect(try ends.exchange([], room: .packetInfo) == [.ipv4PacketInfo(info)])

        let source = IPv4Address(127, 0, 0, 9)
        let unconnected = try Socket(.ipv4, .datagram)
        _ = try unconnected.sendMessage(
            [1], to: ends.receiver.localAddress, control: [.ipv4PacketInfo(IPv4PacketInfo(localAddress: source))])
        var vector = try IOVector(capacities: [1])
        let message = try ends.receiver.receiveMessage(into: &vector)
        #expect(message.sender?.ip == .v4(source))
    }

    @Test func ipv6PacketInfoTellsTheInterface() throws {
        let ends = try Ends(Self.ipv6)
        try ends.receiver.set(.ipv6ReceivePacketInfo, to: true)
        let info = IPv6PacketInfo(interface: try NetworkInterface(name: "lo").index, address: .loopback)
        #expect(try ends.exchange([], room: .packetInfo) == [.ipv6PacketInfo(info)])
        #expect(try ends.exchange([.ipv6PacketInfo(info)], room: .packetInfo) == [.ipv6PacketInfo(info)])
    }

    @Test func severalKindsArriveTogether() throws {
        let ends = try Ends(Self.ipv4)
        try ends.receiver.set(.ipv4ReceiveTimeToLive, to: true)
        try ends.receiver.set(.ipv4ReceiveTypeOfService, to: true)
        let control = try ends.exchange([.ipv4TimeToLive(3), .ipv4TypeOfService(8)], room: [.number, .number])
        #expect(Set(control) == [.ipv4TimeToLive(3), .ipv4TypeOfService(8)])
    }

    @Test func oneLargeMessageIsCutIntoSegmentsAndPutTogetherAgain() throws {
        let ends = try Ends(Self.ipv4)
        try ends.receiver.set(.udpReceiveOffload, to: true)
        #expect(
            try ends.sender.sendMessage(
                [UInt8](repeating: 7, count: 2500), control: [.udpSegmentSize(1000)]) == 2500)
        var sizes: [Int] = []
        var segment: ControlMessage?
        while sizes.reduce(0, +) < 2500 {
            var vector = try IOVector(capacities: [65_536])
            let message = try ends.receiver.receiveMessage(into: &vector, control: .number)
            sizes.append(message.byteCount)
            segment = segment ?? message.control.first
        }
        #expect(sizes.reduce(0, +) == 2500)
        if sizes == [2500] {
            #expect(segment == .udpSegmentSize(1000))
        }
        try ends.receiver.set(.udpReceiveOffload, to: false)
        _ = try ends.sender.sendMessage([UInt8](repeating: 7, count: 2500), control: [.udpSegmentSize(1000)])
        #expect(try ends.receiver.receive(upTo: 65_536).count == 1000)
        #expect(try ends.receiver.receive(upTo: 65_536).count == 1000)
        #expect(try ends.receiver.receive(upTo: 65_536).count == 500)
    }
}
