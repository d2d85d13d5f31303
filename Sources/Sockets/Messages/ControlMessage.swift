// SPDX-License-Identifier: Apache-2.0

/// A piece of control data that travels beside a message: `cmsg(3)`.
///
/// Descriptors are control data too, but since they are owned they have a place of their own: the `descriptors`
/// argument of ``Socket/sendMessage(_:to:descriptors:control:flags:retryOnInterrupt:)-(RawSpan,_,_,_,_,_)`` and
/// ``ReceivedMessage/descriptors``.
///
/// Later versions may add cases for what is ``other(level:type:data:)`` now.
public enum ControlMessage: Hashable, Sendable {
    /// Who sent a message on a Unix socket (`SCM_CREDENTIALS`); received with ``SocketOption/passCredentials``.
    case credentials(Credentials)
    /// On which interface, and to which address, an IPv4 packet arrived or is to leave (`IP_PKTINFO`); received with
    /// ``SocketOption/ipv4ReceivePacketInfo``.
    case ipv4PacketInfo(IPv4PacketInfo)
    /// On which interface, and to which address, an IPv6 packet arrived or is to leave (`IPV6_PKTINFO`); received with
    /// ``SocketOption/ipv6ReceivePacketInfo``.
    case ipv6PacketInfo(IPv6PacketInfo)
    /// When the kernel received the message, as the time since 1970-01-01 00:00 UTC; received with
    /// ``SocketOption/receiveTimestamps`` or ``SocketOption/receiveNanosecondTimestamps``.
    case timestamp(Duration)
    /// How many more routers an IPv4 packet may pass (`IP_TTL`); received with ``SocketOption/ipv4ReceiveTimeToLive``.
    case ipv4TimeToLive(Int32)
    /// An IPv4 packet's type-of-service octet (`IP_TOS`); received with ``SocketOption/ipv4ReceiveTypeOfService``.
    case ipv4TypeOfService(UInt8)
    /// How many more routers an IPv6 packet may pass (`IPV6_HOPLIMIT`); received with
    /// ``SocketOption/ipv6ReceiveHopLimit``.
    case ipv6HopLimit(Int32)
    /// An IPv6 packet's traffic class (`IPV6_TCLASS`); received with ``SocketOption/ipv6ReceiveTrafficClass``.
    case ipv6TrafficClass(Int32)
    /// The size of the datagrams that one large UDP message is cut into (`UDP_SEGMENT`), or that the received one was
    /// put together from (`UDP_GRO`), in bytes.
    case udpSegmentSize(UInt16)
    /// Any other control data, as its level, its type and its bytes.
    case other(level: Int32, type: Int32, data: [UInt8])
}

extension ControlMessage {
    /// The level, such as `SOL_SOCKET`, that the message is sent with.
    public var level: Int32 { ControlCoding.raw(self).level }
    /// The type, such as `SCM_CREDENTIALS`, that the message is sent with.
    public var type: Int32 { ControlCoding.raw(self).type }
}

/// A process and the user and group it acts for, `unix(7)`.
public struct Credentials: Hashable, Sendable {
    /// The process, 0 for one outside this process's namespace.
    public var processID: Int32
    /// The user.
    public var userID: UInt32
    /// The group.
    public var groupID: UInt32

    /// Credentials of a process. The kernel lets only privileged processes send others' than their own.
    public init(processID: Int32, userID: UInt32, groupID: UInt32) {
        self.processID = processID
        self.userID = userID
        self.groupID = groupID
    }

    /// This process's own credentials.
    public static var current: Credentials { System.currentCredentials() }
}

/// An IPv4 packet's interface and addresses, `ip(7)`.
public struct IPv4PacketInfo: Hashable, Sendable {
    /// The index of the interface; 0 for a packet to be sent leaves it to the routing table.
    public var interface: UInt32
    /// This machine's address that the packet was delivered to; for one to be sent, the source address it gets.
    public var localAddress: IPv4Address
    /// The packet's destination; ignored in one to be sent.
    public var destination: IPv4Address

    /// Packet information, to send with a packet.
    public init(interface: UInt32 = 0, localAddress: IPv4Address = .any, destination: IPv4Address = .any) {
        self.interface = interface
        self.localAddress = localAddress
        self.destination = destination
    }
}

/// An IPv6 packet's interface and address, RFC 3542.
public struct IPv6PacketInfo: Hashable, Sendable {
    /// The index of the interface; 0 for a packet to be sent leaves it to the routing table.
    public var interface: UInt32
    /// The packet's destination; for one to be sent, the source address it gets.
    public var address: IPv6Address

    /// Packet information, to send with a packet.
    public init(interface: UInt32 = 0, address: IPv6Address = .any) {
        self.interface = interface
        self.address = address
    }
}
