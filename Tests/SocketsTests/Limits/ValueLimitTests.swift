// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

/// Values made of numbers, and what is done with them.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct ValueLimitTests {
    /// Has the system look at an address too. Nothing is sent: the address may be another machine's.
    private static func use(_ address: SocketAddress) throws {
        _ = ("\(address)", address.hashValue, address.withPort(.max))
        if let ip = address.ip {
            _ = [ip.isUnspecified, ip.isLoopback, ip.isPrivate, ip.isLinkLocal, ip.isMulticast, ip.isBroadcast]
            _ = (ip.isDocumentation, ip.unmapped)
        }
        let socket = try Socket(address.family, .datagram)
        try socket.bind(to: address)
    }

    private static func send(_ control: ControlMessage) throws {
        let socket = try Socket(.ipv4, .datagram)
        try socket.bind(to: .ipv4(.loopback, port: 0))
        _ = (control.level, control.type)
        _ = try socket.sendMessage([1], to: socket.localAddress, control: [control], flags: .doNotWait)
    }

    private static func part4(_ index: Int, _ value: UInt8) throws {
        let parts = (0..<4).map { $0 == index ? value : 127 }
        try use(.ipv4(IPv4Address(parts[0], parts[1], parts[2], parts[3]), port: 9))
    }

    private static func part6(_ index: Int, _ value: UInt16) throws {
        let p = (0..<8).map { $0 == index ? value : 0 }
        try use(.ipv6(IPv6Address(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]), port: 9))
    }

    static let addresses: [LimitedCall] = [
        .call("IPv4Address.init(_:_:_:_:)", "first") { try part4(0, $0) },
        .call("IPv4Address.init(_:_:_:_:)", "second") { try part4(1, $0) },
        .call("IPv4Address.init(_:_:_:_:)", "third") { try part4(2, $0) },
        .call("IPv4Address.init(_:_:_:_:)", "fourth") { try part4(3, $0) },
        .call("IPv4Address.init(rawValue:)", "rawValue") { try use(.ipv4(IPv4Address(rawValue: $0), port: 9)) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "first") { try part6(0, $0) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "second") { try part6(1, $0) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "third") { try part6(2, $0) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "fourth") { try part6(3, $0) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "fifth") { try part6(4, $0) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "sixth") { try part6(5, $0) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "seventh") { try part6(6, $0) },
        .call("IPv6Address.init(_:_:_:_:_:_:_:_:)", "eighth") { try part6(7, $0) },
        .call("IPv6Address.init(high:low:)", "high") { try use(.ipv6(IPv6Address(high: $0, low: 1), port: 9)) },
        .call("IPv6Address.init(high:low:)", "low") { try use(.ipv6(IPv6Address(high: 0, low: $0), port: 9)) },
        .call("SocketAddress.init(_:port:)", "port") { (port: Int) in try use(SocketAddress("127.0.0.1", port: port)) },
        .call("SocketAddress.ipv4(_:port:)", "port") { try use(.ipv4(.loopback, port: $0)) },
        .call("SocketAddress.ipv6(_:port:scope:flowInfo:)", "port") { try use(.ipv6(.loopback, port: $0)) },
        .call("SocketAddress.ipv6(_:port:scope:flowInfo:)", "scope") {
            try use(.ipv6(IPv6Address(0xFE80, 0, 0, 0, 0, 0, 0, 1), port: 9, scope: $0))
        },
        .call("SocketAddress.ipv6(_:port:scope:flowInfo:)", "flowInfo") {
            try use(.ipv6(.loopback, port: 9, flowInfo: $0))
        },
        .call("SocketAddress.withPort(_:)", "port") { try use(SocketAddress.ipv6(.loopback, port: 9).withPort($0)) },
        .call("SocketAddress.resolve(host:port:family:type:)", "port") {
            for address in try SocketAddress.resolve(host: "127.0.0.1", port: $0) { try use(address) }
        },
        .call("AddressFamily.init(rawValue:)", "rawValue") { (number: Int32) in
            let family = AddressFamily(rawValue: number)
            _ = "\(family)"
            try use(.other(OpaqueAddress(family: family, bytes: [1, 2, 3])))
        },
    ]

    static let messages: [LimitedCall] = [
        .call("ControlMessage.ipv4TimeToLive(_:)", "0") { try send(.ipv4TimeToLive($0)) },
        .call("ControlMessage.ipv4TypeOfService(_:)", "0") { try send(.ipv4TypeOfService($0)) },
        .call("ControlMessage.ipv6HopLimit(_:)", "0") { try send(.ipv6HopLimit($0)) },
        .call("ControlMessage.ipv6TrafficClass(_:)", "0") { try send(.ipv6TrafficClass($0)) },
        .call("ControlMessage.other(level:type:data:)", "level") { try send(.other(level: $0, type: 1, data: [1])) },
        .call("ControlMessage.other(level:type:data:)", "type") { try send(.other(level: 1, type: $0, data: [1])) },
        .call("ControlMessage.timestamp(_:)", "0") { try send(.timestamp($0)) },
        .call("ControlMessage.udpSegmentSize(_:)", "0") { try send(.udpSegmentSize($0)) },
        .call("Credentials.init(processID:userID:groupID:)", "processID") {
            try send(.credentials(Credentials(processID: $0, userID: 0, groupID: 0)))
        },
        .call("Credentials.init(processID:userID:groupID:)", "userID") {
            try send(.credentials(Credentials(processID: 1, userID: $0, groupID: 0)))
        },
        .call("Credentials.init(processID:userID:groupID:)", "groupID") {
            try send(.credentials(Credentials(processID: 1, userID: 0, groupID: $0)))
        },
        .call("IPv4PacketInfo.init(interface:localAddress:destination:)", "interface") {
            try send(.ipv4PacketInfo(IPv4PacketInfo(interface: $0)))
        },
        .call("IPv6PacketInfo.init(interface:address:)", "interface") {
            try send(.ipv6PacketInfo(IPv6PacketInfo(interface: $0)))
        },
        .call("ControlSpace.bytes(_:)", "count") { (count: Int) in
            let space: ControlSpace = [.bytes(count), .bytes(count)]
            #expect(space.byteCount < 1 << 22)
        },
        .call("ControlSpace.descriptors(upTo:)", "limit") { (limit: Int) in
            #expect((0...253).contains(ControlSpace.descriptors(upTo: limit).descriptorLimit))
        },
    ]

    static let errors: [LimitedCall] = [
        .call("NameResolutionFailure.init(rawValue:)", "rawValue") { _ = "\(NameResolutionFailure(rawValue: $0))" },
        .call("SocketError.InvalidArgument.abstractNameTooLong(byteCount:)", "byteCount") {
            _ = "\(SocketError.InvalidArgument.abstractNameTooLong(byteCount: $0))"
        },
        .call("SocketError.InvalidArgument.pathTooLong(byteCount:)", "byteCount") {
            _ = "\(SocketError.InvalidArgument.pathTooLong(byteCount: $0))"
        },
        .call("SocketError.InvalidArgument.textTooLong(limit:)", "limit") {
            _ = "\(SocketError.InvalidArgument.textTooLong(limit: $0))"
        },
        .call("SocketError.Reason.limitExceeded(limit:)", "limit") {
            _ = "\(SocketError.Reason.limitExceeded(limit: $0))"
        },
    ]

    static let vectors: [LimitedCall] = [
        .call("IOVector.init(capacities:)", "capacities") { _ = try IOVector(capacities: [1, $0, $0]) },
        .call("IOVector.append(capacity:)", "capacity") { (capacity: Int) in
            var vector = try IOVector(capacities: [1, 2])
            try vector.append(capacity: capacity)
        },
        .call("IOVector.capacity(at:)", "index") { _ = try IOVector(capacities: [1]).capacity(at: $0) },
        .call("IOVector.subscript(_:)", "index") { _ = try IOVector(capacities: [1])[$0] },
        .call("IOVector.remove(at:)", "index") { (index: Int) in
            var vector = try IOVector(capacities: [1])
            try vector.remove(at: index)
        },
        .call("IOVector.removeFirst(_:)", "byteCount") { (byteCount: Int) in
            var vector = IOVector()
            try vector.append([1, 2, 3])
            try vector.append([4])
            vector.removeFirst(byteCount)
            #expect(vector.byteCount == 4 - min(max(byteCount, 0), 4))
        },
        .call("IOVector.replace(at:with:)", "index") { (index: Int) in
            var vector = try IOVector(capacities: [1, 2])
            try vector.replace(at: index, with: [1, 2, 3])
        },
    ]

    @Test(arguments: addresses + messages + errors + vectors)
    func valueIsUsedOrRefused(call: LimitedCall) async {
        await call.run(throwing: SocketError.self)
    }
}
