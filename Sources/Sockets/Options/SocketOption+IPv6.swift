// SPDX-License-Identifier: Apache-2.0

// Options of IPv6 sockets, `ipv6(7)` and RFC 3542.
// In the order of their C names within each type of value.

extension SocketOption<Bool> {
    /// Whether the socket may be bound to an address that this machine does not have (`IPV6_FREEBIND`).
    public static var ipv6FreeBind: Self { Self(.ipv6FreeBind, .flag) }
    /// Whether what is sent on a raw socket begins with an IP header (`IPV6_HDRINCL`).
    public static var ipv6HeaderIncluded: Self { Self(.ipv6HeaderIncluded, .flag) }
    /// Whether errors that the network reports are put on the socket's error queue, ``ReceiveFlags/errorQueue``
    /// (`IPV6_RECVERR`).
    public static var ipv6ReceiveErrors: Self { Self(.ipv6ReceiveErrors, .flag) }
    /// Whether datagrams come with ``ControlMessage/ipv6HopLimit(_:)`` (`IPV6_RECVHOPLIMIT`).
    public static var ipv6ReceiveHopLimit: Self { Self(.ipv6ReceiveHopLimit, .flag) }
    /// Whether datagrams come with ``ControlMessage/ipv6PacketInfo(_:)`` (`IPV6_RECVPKTINFO`).
    public static var ipv6ReceivePacketInfo: Self { Self(.ipv6ReceivePacketInfo, .flag) }
    /// Whether datagrams come with ``ControlMessage/ipv6TrafficClass(_:)`` (`IPV6_RECVTCLASS`).
    public static var ipv6ReceiveTrafficClass: Self { Self(.ipv6ReceiveTrafficClass, .flag) }
    /// Whether the socket may use addresses that this machine does not have, as a transparent proxy does
    /// (`IPV6_TRANSPARENT`). Turning it on needs the CAP_NET_ADMIN or CAP_NET_RAW capability.
    public static var ipv6Transparent: Self { Self(.ipv6Transparent, .flag) }
    /// Whether the socket refuses IPv4 peers, which it would know under ``IPv6Address/init(mapped:)``
    /// (`IPV6_V6ONLY`). It can be set only before binding.
    public static var ipv6Only: Self { Self(.ipv6Only, .flag) }
}

extension SocketOption<PathMTUDiscovery> {
    /// Whether packets may be cut by this machine (`IPV6_MTU_DISCOVER`).
    public static var ipv6PathMTUDiscovery: Self { Self(.ipv6PathMTUDiscovery, .pathMTUDiscovery) }
}

extension SocketOption<Int> {
    /// The traffic class of outgoing packets, RFC 2474 and 3168; -1 sets the system's own (`IPV6_TCLASS`).
    public static var ipv6TrafficClass: Self { Self(.ipv6TrafficClass, .ranged(-1...255)) }
    /// How many routers an outgoing packet may pass; -1 sets the system's own (`IPV6_UNICAST_HOPS`).
    public static var ipv6HopLimit: Self { Self(.ipv6HopLimit, .ranged(-1...255)) }
}

extension ReadOnlySocketOption<SocketAddress?> {
    /// Where a connection that a netfilter rule has redirected to this machine was going to
    /// (`IP6T_SO_ORIGINAL_DST`). The kernel knows it only with such a rule, and it can only be read.
    public static var ipv6OriginalDestination: Self { Self(.ipv6OriginalDestination, .socketAddress) }
}
