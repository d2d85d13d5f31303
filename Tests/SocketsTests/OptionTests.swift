// SPDX-License-Identifier: Apache-2.0

import CSockets
import Glibc
import Sockets
import SystemPackage
import Testing

/// One option, and what proves that it is the one it says: set through the library it is read by a bare getsockopt with
/// the C header's constant, and the other way round.
struct OptionCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let run: @Sendable () throws -> Void

    static func flag(
        _ option: SocketOption<Bool>, _ level: some BinaryInteger, _ number: some BinaryInteger, _ kind: SocketKind
    ) -> OptionCase {
        let bare = BareOption(level, number)
        return OptionCase(testDescription: "\(option.name)") {
            let socket = try kind.make()
            let initial = try socket.get(option)
            for value in [!initial, initial] {
                try socket.set(option, to: value)
                bare.expect(socket, (value ? 1 : 0))
                bare.set(socket, int: value ? 0 : 1)
                #expect(try socket.get(option) == !value)
            }
        }
    }

    /// A number, or what stands for one. Each value goes together with what the C option holds then.
    static func number<Value: Equatable & Sendable>(
        _ option: SocketOption<Value>, _ level: some BinaryInteger, _ number: some BinaryInteger, _ kind: SocketKind,
        _ values: [(Value, Int)]
    ) -> OptionCase {
        let bare = BareOption(level, number)
        return OptionCase(testDescription: "\(option.name)") {
            let socket = try kind.make()
            for (value, raw) in values {
                try socket.set(option, to: value)
                bare.expect(socket, raw)
            }
            for (value, raw) in values {
                bare.set(socket, int: raw)
                #expect(try socket.get(option) == value)
            }
        }
    }

    static func bytes<Value: Equatable & Sendable>(
        _ option: SocketOption<Value>, _ level: some BinaryInteger, _ number: some BinaryInteger, _ kind: SocketKind,
        _ values: [(Value, [UInt8])]
    ) -> OptionCase {
        let bare = BareOption(level, number)
        return OptionCase(testDescription: "\(option.name)") {
            let socket = try kind.make()
            for (value, raw) in values {
                try socket.set(option, to: value)
                bare.expect(socket, raw)
            }
            for (value, raw) in values {
                bare.set(socket, bytes: raw)
                #expect(try socket.get(option) == value)
            }
        }
    }

    /// An option that can only be read, and what it then is.
    static func readOnly<Value: Equatable & Sendable>(
        _ option: ReadOnlySocketOption<Value>, _ level: some BinaryInteger, _ number: some BinaryInteger,
        _ kind: SocketKind, _ value: Value, _ raw: Int
    ) -> OptionCase {
        let bare = BareOption(level, number)
        return OptionCase(testDescription: "\(option.name)") {
            let socket = try kind.make()
            #expect(try socket.get(option) == value)
            bare.expect(socket, raw)
        }
    }
}

@Suite struct OptionTests {
    static let socketLevel: [OptionCase] = [
        .readOnly(.isListening, SOL_SOCKET, SO_ACCEPTCONN, .tcp4, false, 0),
        .flag(.broadcast, SOL_SOCKET, SO_BROADCAST, .udp4),
        .number(.busyPoll, SOL_SOCKET, SO_BUSY_POLL, .udp4, [(.zero, 0)]),
        .readOnly(.family, SOL_SOCKET, SO_DOMAIN, .tcp6, .ipv6, Int(AF_INET6)),
        .flag(.doNotRoute, SOL_SOCKET, SO_DONTROUTE, .udp4),
        .number(.incomingCPU, SOL_SOCKET, SO_INCOMING_CPU, .udp4, [(0, 0)]),
        .flag(.keepAlive, SOL_SOCKET, SO_KEEPALIVE, .tcp4),
        .bytes(
            .linger, SOL_SOCKET, SO_LINGER, .tcp4,
            [
                (Linger(timeout: .seconds(7)), nativeBytes(Int32(1)) + nativeBytes(Int32(7))),
                (.reset, nativeBytes(Int32(1)) + nativeBytes(Int32(0))),
            ]),
        .flag(.outOfBandInline, SOL_SOCKET, SO_OOBINLINE, .tcp4),
        .flag(.passCredentials, SOL_SOCKET, SO_PASSCRED, .unix),
        .number(.priority, SOL_SOCKET, SO_PRIORITY, .udp4, [(3, 3), (6, 6)]),
        .readOnly(.protocol, SOL_SOCKET, SO_PROTOCOL, .udp4, .udp, Int(IPPROTO_UDP)),
        .number(.receiveLowWaterMark, SOL_SOCKET, SO_RCVLOWAT, .tcp4, [(5, 5), (1, 1)]),
        .bytes(
            .receiveTimeout, SOL_SOCKET, SO_RCVTIMEO, .udp4,
            [(.seconds(3), nativeBytes(3) + nativeBytes(0)), (.zero, nativeBytes(0) + nativeBytes(0))]),
        .flag(.reuseAddress, SOL_SOCKET, SO_REUSEADDR, .tcp4), .flag(.reusePort, SOL_SOCKET, SO_REUSEPORT, .tcp4),
        .readOnly(.sendLowWaterMark, SOL_SOCKET, SO_SNDLOWAT, .tcp4, 1, 1),
        .bytes(
            .sendTimeout, SOL_SOCKET, SO_SNDTIMEO, .udp4,
            [(.seconds(3), nativeBytes(3) + nativeBytes(0)), (.zero, nativeBytes(0) + nativeBytes(0))]),
        .flag(.receiveTimestamps, SOL_SOCKET, SO_TIMESTAMP, .udp4),
        .flag(.receiveNanosecondTimestamps, SOL_SOCKET, SO_TIMESTAMPNS, .udp4),
        .readOnly(.type, SOL_SOCKET, SO_TYPE, .udp4, .datagram, Int(SOCK_DGRAM.rawValue)),
        .flag(.zeroCopy, SOL_SOCKET, SO_ZEROCOPY, .tcp4),
    ]

    static let tcp: [OptionCase] = [
        .bytes(
            .congestionControl, IPPROTO_TCP, TCP_CONGESTION, .tcp4,
            [(.reno, Array("reno".utf8) + [UInt8](repeating: 0, count: 12))]),
        .flag(.cork, IPPROTO_TCP, TCP_CORK, .tcp4),
        // The kernel keeps this as a number of retransmissions: 1, 3 and 7 seconds are whole numbers of them.
        .number(
            .deferAccept, IPPROTO_TCP, TCP_DEFER_ACCEPT, .tcp4, [(.seconds(1), 1), (.seconds(3), 3), (.zero, 0)]),
        .number(.fastOpen, IPPROTO_TCP, TCP_FASTOPEN, .tcp4, [(5, 5)]),
        .flag(.fastOpenConnect, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, .tcp4),
        .number(.keepAliveCount, IPPROTO_TCP, TCP_KEEPCNT, .tcp4, [(3, 3), (127, 127)]),
        .number(.keepAliveIdle, IPPROTO_TCP, TCP_KEEPIDLE, .tcp4, [(.seconds(60), 60), (.seconds(1), 1)]),
        .number(.keepAliveInterval, IPPROTO_TCP, TCP_KEEPINTVL, .tcp4, [(.seconds(60), 60), (.seconds(1), 1)]),
        .number(.finWaitTimeout, IPPROTO_TCP, TCP_LINGER2, .tcp4, [(.seconds(30), 30)]),
        .flag(.noDelay, IPPROTO_TCP, TCP_NODELAY, .tcp4),
        .number(.notSentLowWaterMark, IPPROTO_TCP, TCP_NOTSENT_LOWAT, .tcp4, [(4096, 4096), (.max, -1)]),
        .flag(.quickAck, IPPROTO_TCP, TCP_QUICKACK, .tcp4),
        .number(.connectRetries, IPPROTO_TCP, TCP_SYNCNT, .tcp4, [(2, 2), (127, 127)]),
        .flag(.thinLinearTimeouts, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, .tcp4),
        .number(
            .userTimeout, IPPROTO_TCP, TCP_USER_TIMEOUT, .tcp4, [(.milliseconds(1500), 1500), (.zero, 0)]),
        .number(.windowClamp, IPPROTO_TCP, TCP_WINDOW_CLAMP, .tcp4, [(65536, 65536)]),
    ]

    static let udp: [OptionCase] = [
        .flag(.udpCork, IPPROTO_UDP, UDP_CORK, .udp4), .flag(.udpReceiveOffload, IPPROTO_UDP, UDP_GRO, .udp4),
        .number(.udpSegmentSize, IPPROTO_UDP, UDP_SEGMENT, .udp4, [(1400, 1400), (0, 0)]),
    ]

    static let ipv4: [OptionCase] = [
        .flag(.ipv4BindAddressNoPort, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, .tcp4),
        .flag(.ipv4FreeBind, IPPROTO_IP, IP_FREEBIND, .tcp4),
        .number(
            .ipv4PathMTUDiscovery, IPPROTO_IP, IP_MTU_DISCOVER, .udp4,
            [
                (.off, Int(IP_PMTUDISC_DONT)), (.byRoute, Int(IP_PMTUDISC_WANT)), (.on, Int(IP_PMTUDISC_DO)),
                (.probe, Int(IP_PMTUDISC_PROBE)),
            ]),
        .flag(.ipv4ReceivePacketInfo, IPPROTO_IP, IP_PKTINFO, .udp4),
        .flag(.ipv4ReceiveErrors, IPPROTO_IP, IP_RECVERR, .udp4),
        .flag(.ipv4ReceiveTypeOfService, IPPROTO_IP, IP_RECVTOS, .udp4),
        .flag(.ipv4ReceiveTimeToLive, IPPROTO_IP, IP_RECVTTL, .udp4),
        .number(.ipv4TypeOfService, IPPROTO_IP, IP_TOS, .udp4, [(0x20, 0x20), (255, 255), (0, 0)]),
        .number(.ipv4TimeToLive, IPPROTO_IP, IP_TTL, .udp4, [(1, 1), (255, 255)]),
        .flag(.ipv4MulticastAll, IPPROTO_IP, IP_MULTICAST_ALL, .udp4),
        .flag(.ipv4MulticastLoop, IPPROTO_IP, IP_MULTICAST_LOOP, .udp4),
        .number(.ipv4MulticastTimeToLive, IPPROTO_IP, IP_MULTICAST_TTL, .udp4, [(0, 0), (255, 255)]),
        .bytes(.ipv4MulticastInterface, IPPROTO_IP, IP_MULTICAST_IF, .udp4, [(.address(.loopback), [127, 0, 0, 1])]),
    ]

    static let ipv6: [OptionCase] = [
        .flag(.ipv6FreeBind, IPPROTO_IPV6, IPV6_FREEBIND, .tcp6),
        .number(
            .ipv6PathMTUDiscovery, IPPROTO_IPV6, IPV6_MTU_DISCOVER, .udp6,
            [
                (.off, Int(IPV6_PMTUDISC_DONT)), (.byRoute, Int(IPV6_PMTUDISC_WANT)), (.on, Int(IPV6_PMTUDISC_DO)),
                (.probe, Int(IPV6_PMTUDISC_PROBE)),
            ]),
        .flag(.ipv6ReceiveErrors, IPPROTO_IPV6, IPV6_RECVERR, .udp6),
        .flag(.ipv6ReceiveHopLimit, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, .udp6),
        .flag(.ipv6ReceivePacketInfo, IPPROTO_IPV6, IPV6_RECVPKTINFO, .udp6),
        .flag(.ipv6ReceiveTrafficClass, IPPROTO_IPV6, IPV6_RECVTCLASS, .udp6),
        .number(.ipv6TrafficClass, IPPROTO_IPV6, IPV6_TCLASS, .udp6, [(0x20, 0x20), (255, 255), (0, 0)]),
        .number(.ipv6HopLimit, IPPROTO_IPV6, IPV6_UNICAST_HOPS, .udp6, [(1, 1), (255, 255)]),
        .flag(.ipv6Only, IPPROTO_IPV6, IPV6_V6ONLY, .tcp6),
        .flag(.ipv6MulticastAll, IPPROTO_IPV6, IPV6_MULTICAST_ALL, .udp6),
        .number(.ipv6MulticastHops, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, .udp6, [(1, 1), (255, 255)]),
        .flag(.ipv6MulticastLoop, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, .udp6),
        OptionCase(testDescription: "IPV6_MULTICAST_IF") {
            let index = try NetworkInterface(name: "lo").index
            let bare = BareOption(IPPROTO_IPV6, IPV6_MULTICAST_IF)
            let socket = try SocketKind.udp6.make()
            try socket.set(.ipv6MulticastInterface, to: index)
            bare.expect(socket, Int(index))
            bare.set(socket, int: 0)
            #expect(try socket.get(.ipv6MulticastInterface) == 0)
        },
    ]

    /// Options that only privileged processes may set, or sockets that only they may make.
    static let privileged: [OptionCase] = [
        .number(.busyPoll, SOL_SOCKET, SO_BUSY_POLL, .udp4, [(.microseconds(50), 50)]),
        .flag(.debug, SOL_SOCKET, SO_DEBUG, .udp4),
        .number(.mark, SOL_SOCKET, SO_MARK, .udp4, [(7, 7), (.max, -1)]),
        .flag(.ipv4Transparent, IPPROTO_IP, IP_TRANSPARENT, .tcp4),
        .flag(.ipv6Transparent, IPPROTO_IPV6, IPV6_TRANSPARENT, .tcp6),
        .flag(.ipv4HeaderIncluded, IPPROTO_IP, IP_HDRINCL, .raw4),
        .flag(.ipv6HeaderIncluded, IPPROTO_IPV6, IPV6_HDRINCL, .raw6),
        OptionCase(testDescription: "SO_BINDTODEVICE") {
            let socket = try SocketKind.udp4.make()
            let bare = BareOption(SOL_SOCKET, SO_BINDTODEVICE)
            try socket.set(.boundDevice, to: "lo")
            bare.expect(socket, Array("lo\0".utf8), capacity: 16)
            bare.set(socket, bytes: [])
            #expect(try socket.get(.boundDevice) == "")
        },
        OptionCase(testDescription: "SO_RCVBUFFORCE and SO_SNDBUFFORCE") {
            // They can only be set; what they do shows in SO_RCVBUF and SO_SNDBUF, which the kernel doubles.
            let socket = try SocketKind.udp4.make()
            try socket.set(.receiveBufferSizePastLimit, to: 50_000_000)
            BareOption(SOL_SOCKET, SO_RCVBUF).expect(socket, 100_000_000)
            try socket.set(.sendBufferSizePastLimit, to: 50_000_000)
            BareOption(SOL_SOCKET, SO_SNDBUF).expect(socket, 100_000_000)
        },
    ]

    static var isPrivileged: Bool {
        guard let socket = try? SocketKind.raw4.make() else { return false }
        return (try? socket.set(.mark, to: 1)) != nil
    }

    @Test(arguments: socketLevel + tcp + udp + ipv4 + ipv6)
    func optionIsTheCHeaders(option: OptionCase) throws {
        try option.run()
    }

    @Test(
        .enabled(if: isPrivileged, "needs CAP_NET_ADMIN and CAP_NET_RAW"), arguments: privileged)
    func privilegedOptionIsTheCHeaders(option: OptionCase) throws {
        try option.run()
    }
}
