// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

/// Calls on sockets with numbers and durations. What waits has what it waits for, so that no duration is too long.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct CallLimitTests {
    private static func listener() throws(SocketError) -> Held {
        Held(try Socket.listen(on: .ipv4(.loopback, port: 0)))
    }

    /// A socket with something to receive.
    private static func full(_ type: SocketType = .stream) throws -> Held {
        let pair = try Socket.pair(type)
        _ = try pair.second.send("hello")
        try pair.second.shutdown(.sending)
        return Held(pair.first)
    }

    private static func expect(_ bytes: [UInt8]?, _ limit: Int) {
        #expect(bytes == Array("hello".utf8.prefix(limit)))
    }

    private static var group4: IPv4Address { IPv4Address(224, 0, 0, 251) }
    private static var group6: IPv6Address { IPv6Address(0xFF02, 0, 0, 0, 0, 0, 0, 0xFB) }

    static let transfers: [LimitedCall] = [
        .call("Socket.receive(upTo:flags:retryOnInterrupt:)", "limit") { (limit: Int) in
            for type in [SocketType.stream, .datagram, .sequencedPacket] {
                expect(try full(type).socket.receive(upTo: limit), limit)
                expect(try full(type).socket.receive(upTo: limit, flags: .peek), limit)
                expect(try full(type).socket.receive(upTo: limit, flags: .waitForAll), limit)
            }
        },
        .call("Socket.tryReceive(upTo:flags:)", "limit") { (limit: Int) in
            for type in [SocketType.stream, .datagram, .sequencedPacket] {
                expect(try full(type).socket.tryReceive(upTo: limit), limit)
                let empty = try Socket.pair(type)
                let nothing = try empty.first.tryReceive(upTo: limit)
                if limit > 0 { #expect(nothing == nil) }
            }
        },
        .call("Socket.sendAll(_:timeout:)", "timeout") { (timeout: Duration) in
            try Socket.pair().first.sendAll([1], timeout: timeout)
        },
        .call("Socket.wait(for:timeout:retryOnInterrupt:)", "timeout") {
            _ = try full().socket.wait(for: .readable, timeout: $0)
        },
        .call("Socket.poll(_:timeout:retryOnInterrupt:)", "timeout") { (timeout: Duration) in
            let held = try full()
            var entries = [PollEntry(held.socket.withDescriptor { $0 }, .readable)]
            #expect(try Socket.poll(&entries, timeout: timeout) == 1)
        },
        .call("Socket.select(reading:writing:exceptional:timeout:retryOnInterrupt:)", "timeout") {
            (timeout: Duration) in
            let held = try full()
            #expect(try !Socket.select(reading: [held.socket.withDescriptor { $0 }], timeout: timeout).isEmpty)
        },
        .call("PollEvents.init(rawValue:)", "rawValue") {
            _ = try full().socket.wait(for: PollEvents(rawValue: $0).union(.readable), timeout: .zero)
        },
        // MSG_DONTWAIT besides, since some flags wait for what does not come.
        .call("ReceiveFlags.init(rawValue:)", "rawValue") {
            _ = try full().socket.receive(upTo: 5, flags: ReceiveFlags(rawValue: $0).union(.doNotWait))
        },
        .call("SendFlags.init(rawValue:)", "rawValue") { (flags: Int32) in
            _ = try Socket.pair().first.send("x", flags: SendFlags(rawValue: flags))
        },
        .call("MessageFlags.init(rawValue:)", "rawValue") { _ = MessageFlags(rawValue: $0).contains(.truncated) },
    ]

    static let connections: [LimitedCall] = [
        .call("Socket.connect(to:timeout:)", "timeout") { (timeout: Duration) in
            let listener = try listener()
            let socket = try Socket.connect(to: listener.socket.localAddress, timeout: timeout)
            let other = try Socket(.ipv4, .stream)
            try other.connect(to: listener.socket.localAddress, timeout: timeout)
            #expect(try socket.peerAddress == other.peerAddress)
        },
        .call("Socket.connect(toHost:port:timeout:)", "timeout") { (timeout: Duration) in
            let listener = try listener()
            let port = try listener.socket.localAddress.port ?? 0
            _ = try Socket.connect(toHost: "127.0.0.1", port: port, timeout: timeout)
        },
        .call("Socket.connect(toHost:port:timeout:)", "port") {
            _ = try Socket.connect(toHost: "127.0.0.1", port: $0, timeout: .seconds(30))
        },
        .call("Socket.listen(backlog:)", "backlog") { (backlog: Int) in
            let socket = try Socket(.ipv4, .stream)
            try socket.bind(to: .ipv4(.loopback, port: 0))
            try socket.listen(backlog: backlog)
        },
        .call("Socket.listen(on:backlog:mode:)", "backlog") {
            _ = try Socket.listen(on: .ipv4(.loopback, port: 0), backlog: $0)
        },
        .call("ListenOptions.init(backlog:portSharing:ipv6Wildcard:unixFile:)", "backlog") {
            _ = try Socket.listen(on: .ipv4(.loopback, port: 0), options: ListenOptions(backlog: $0))
            _ = try Socket.listen(onAll: [.ipv4(.loopback, port: 0)], options: ListenOptions(backlog: $0))
        },
        .call("ListenOptions.UnixFile.init(permissions:owner:group:)", "owner") { try listen(owner: $0) },
        .call("ListenOptions.UnixFile.init(permissions:owner:group:)", "group") { try listen(group: $0) },
        .call("Socket.listen(onHost:port:options:mode:preparing:)", "port") {
            _ = try Socket.listen(onHost: "127.83.21.10", port: $0)
        },
        .call("Socket.listen(onPort:options:mode:preparing:)", "port") { _ = try Socket.listen(onPort: $0) },
        .call("ListeningSockets.accept(mode:timeout:)", "timeout") { (timeout: Duration) in
            var listening = try Socket.listen(onAll: [.ipv4(.loopback, port: 0)])
            let client = try Socket.connect(to: listening.addresses[0])
            let accepted = try listening.accept(timeout: timeout)
            #expect(try accepted.peer == client.localAddress)
        },
        .call("SocketType.init(rawValue:)", "rawValue") { (number: Int32) in
            let type = SocketType(rawValue: number)
            _ = "\(type)"
            _ = try Socket(.ipv4, type)
        },
        .call("SocketProtocol.init(rawValue:)", "rawValue") { (number: Int32) in
            let kind = SocketProtocol(rawValue: number)
            _ = "\(kind)"
            _ = try Socket(.ipv4, .stream, protocol: kind)
        },
        .call("NetworkInterface.init(index:)", "index") { _ = try NetworkInterface(index: $0) },
    ]

    private static func listen(owner: UInt32? = nil, group: UInt32? = nil) throws {
        let folder = TemporaryFolder()
        let file = ListenOptions.UnixFile(owner: owner, group: group)
        _ = try Socket.listen(on: SocketAddress(unixPath: folder.file("s")), options: ListenOptions(unixFile: file))
    }

    static let groups: [LimitedCall] = [
        .call("Socket.joinGroup(_:on:)", "interface") { (interface: UInt32) in
            try Socket(.ipv6, .datagram).joinGroup(group6, on: interface)
        },
        .call("Socket.leaveGroup(_:on:)", "interface") { (interface: UInt32) in
            try Socket(.ipv6, .datagram).leaveGroup(group6, on: interface)
        },
        .call("IPv4MulticastInterface.index(_:)", "index") { (interface: UInt32) in
            try Socket(.ipv4, .datagram).joinGroup(group4, on: .index(interface))
        },
        .call("Socket.joinSource(_:of:on:)", "interface") { (interface: UInt32) in
            try Socket(.ipv4, .datagram).joinSource(.v4(.loopback), of: .v4(group4), on: interface)
        },
        .call("Socket.leaveSource(_:of:on:)", "interface") { (interface: UInt32) in
            try Socket(.ipv4, .datagram).leaveSource(.v4(.loopback), of: .v4(group4), on: interface)
        },
        .call("Socket.blockSource(_:of:on:)", "interface") { (interface: UInt32) in
            try Socket(.ipv4, .datagram).blockSource(.v4(.loopback), of: .v4(group4), on: interface)
        },
        .call("Socket.unblockSource(_:of:on:)", "interface") { (interface: UInt32) in
            try Socket(.ipv4, .datagram).unblockSource(.v4(.loopback), of: .v4(group4), on: interface)
        },
    ]

    private static func tcp() throws(SocketError) -> Held { Held(try Socket(.ipv4, .stream)) }

    static let options: [LimitedCall] = [
        .call("KeepAlive.init(idle:interval:count:userTimeout:)", "idle") {
            try tcp().socket.set(KeepAlive(idle: $0))
        },
        .call("KeepAlive.init(idle:interval:count:userTimeout:)", "interval") {
            try tcp().socket.set(KeepAlive(interval: $0))
        },
        .call("KeepAlive.init(idle:interval:count:userTimeout:)", "count") {
            try tcp().socket.set(KeepAlive(count: $0))
        },
        .call("KeepAlive.UserTimeout.after(_:)", "0") { try tcp().socket.set(KeepAlive(userTimeout: .after($0))) },
        .call("Linger.init(timeout:)", "timeout") { try tcp().socket.set(.linger, to: Linger(timeout: $0)) },
        .call("PathMTUDiscovery.init(rawValue:)", "rawValue") {
            try tcp().socket.set(.ipv4PathMTUDiscovery, to: PathMTUDiscovery(rawValue: $0))
        },
        .call("SocketOption.init(bytes:level:capacity:)", "capacity") {
            _ = try tcp().socket.get(SocketOption(bytes: 3, level: .socket, capacity: $0))
        },
        .call("SocketOption.init(bytes:level:capacity:)", "number") {
            _ = try tcp().socket.get(SocketOption(bytes: $0, level: .socket, capacity: 4))
        },
        .call("SocketOption.init(flag:level:)", "number") {
            _ = try tcp().socket.get(SocketOption(flag: $0, level: .tcp))
        },
        .call("SocketOption.init(integer:level:)", "number") {
            _ = try tcp().socket.get(SocketOption(integer: $0, level: .ipv4))
        },
        .call("SocketOptionLevel.init(rawValue:)", "rawValue") {
            _ = try tcp().socket.get(SocketOption(integer: 1, level: SocketOptionLevel(rawValue: $0)))
        },
        .call("SocketOptionName.init(level:number:)", "number") {
            _ = "\(SocketOptionName(level: .socket, number: $0))"
        },
        .call("PacketFilterInstruction.init(code:jumpIfTrue:jumpIfFalse:operand:)", "code") {
            try tcp().socket.attachFilter([PacketFilterInstruction(code: $0, operand: 0)])
        },
        .call("PacketFilterInstruction.init(code:jumpIfTrue:jumpIfFalse:operand:)", "jumpIfTrue") {
            try tcp().socket.attachFilter([PacketFilterInstruction(code: 0x15, jumpIfTrue: $0, operand: 0)])
        },
        .call("PacketFilterInstruction.init(code:jumpIfTrue:jumpIfFalse:operand:)", "jumpIfFalse") {
            try tcp().socket.attachFilter([PacketFilterInstruction(code: 0x15, jumpIfFalse: $0, operand: 0)])
        },
        .call("PacketFilterInstruction.init(code:jumpIfTrue:jumpIfFalse:operand:)", "operand") {
            try tcp().socket.attachFilter([PacketFilterInstruction(code: 0x06, operand: $0)])
        },
    ]

    @Test(arguments: transfers + connections + groups + options)
    func callReturnsOrThrows(call: LimitedCall) async {
        await call.run(throwing: SocketError.self)
    }

    /// The values of options are of a type of their own, so that the table above does not see them.
    @Test func optionsTakeOrRefuseAnyNumber() throws {
        let held = try Self.tcp()
        for value in [0, 1, -1, Int.max, Int.min] {
            for option: SocketOption<Int> in [
                .receiveBufferSize, .sendBufferSize, .receiveLowWaterMark, .priority, .incomingCPU, .keepAliveCount,
                .maximumSegmentSize, .connectRetries, .windowClamp, .fastOpen, .udpSegmentSize,
                SocketOption(integer: 1, level: .socket),
            ] {
                try? held.socket.set(option, to: value)
            }
        }
        for value in [
            Duration.zero, .nanoseconds(1), .nanoseconds(-1), .seconds(Int64.max), Duration(attoseconds: .max),
            Duration(attoseconds: .min),
        ] {
            for option: SocketOption<Duration> in [
                .receiveTimeout, .sendTimeout, .deferAccept, .keepAliveIdle, .keepAliveInterval, .finWaitTimeout,
                .userTimeout,
            ] {
                try? held.socket.set(option, to: value)
            }
        }
    }

    /// A limit past what is set aside at once cuts no datagram, and waits for all of a stream.
    @Test func largeLimitsReceiveAllThatCame() throws {
        let pair = try Socket.pair(.datagram)
        try pair.first.set(.sendBufferSize, to: 1 << 21)
        let size = try min(pair.first.get(.sendBufferSize) / 2, 1_500_000)
        let datagram = [UInt8](repeating: 7, count: size)
        #expect(try pair.first.send(datagram) == size)
        #expect(try pair.second.receive(upTo: .max) == datagram)

        let stream = try Socket.pair()
        let held = Held(stream.first)
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let thread = TestThread {
            try? held.socket.sendAll(bytes)
            try? held.socket.shutdown(.sending)
        }
        #expect(try stream.second.receive(upTo: .max, flags: .waitForAll) == bytes)
        thread.join()
    }
}
