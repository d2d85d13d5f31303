// SPDX-License-Identifier: Apache-2.0

// Options of IPv4 sockets, `ip(7)`.
// In the order of their C names within each type of value.

extension SocketOption<Bool> {
    /// Whether binding to port 0 leaves the choice of the port to connecting, so that ports can be shared
    /// (`IP_BIND_ADDRESS_NO_PORT`).
    public static var ipv4BindAddressNoPort: Self { Self(.ipv4BindAddressNoPort, .flag) }
    /// Whether the socket may be bound to an address that this machine does not have (`IP_FREEBIND`).
    public static var ipv4FreeBind: Self { Self(.ipv4FreeBind, .flag) }
    /// Whether what is sent on a raw socket begins with an IP header (`IP_HDRINCL`).
    public static var ipv4HeaderIncluded: Self { Self(.ipv4HeaderIncluded, .flag) }
    /// Whether datagrams come with ``ControlMessage/ipv4PacketInfo(_:)`` (`IP_PKTINFO`).
    public static var ipv4ReceivePacketInfo: Self { Self(.ipv4ReceivePacketInfo, .flag) }
    /// Whether errors that the network reports are put on the socket's error queue, ``ReceiveFlags/errorQueue``
    /// (`IP_RECVERR`).
    public static var ipv4ReceiveErrors: Self { Self(.ipv4ReceiveErrors, .flag) }
    /// Whether datagrams come with ``ControlMessage/ipv4TypeOfService(_:)`` (`IP_RECVTOS`).
    public static var ipv4ReceiveTypeOfService: Self { Self(.ipv4ReceiveTypeOfService, .flag) }
    /// Whether datagrams come with ``ControlMessage/ipv4TimeToLive(_:)`` (`IP_RECVTTL`).
    public static var ipv4ReceiveTimeToLive: Self { Self(.ipv4ReceiveTimeToLive, .flag) }
    /// Whether the socket may use addresses that this machine does not have, as a transparent proxy does
    /// (`IP_TRANSPARENT`). Turning it on needs the CAP_NET_ADMIN or CAP_NET_RAW capability.
    public static var ipv4Transparent: Self { Self(.ipv4Transparent, .flag) }
}

extension ReadOnlySocketOption<Int> {
    /// The largest packet that the connected socket's path takes, in bytes (`IP_MTU`).
    public static var ipv4PathMTU: Self { Self(.ipv4PathMTU, .int) }
}

extension SocketOption<PathMTUDiscovery> {
    /// Whether packets may be cut on the way (`IP_MTU_DISCOVER`).
    public static var ipv4PathMTUDiscovery: Self { Self(.ipv4PathMTUDiscovery, .pathMTUDiscovery) }
}

extension SocketOption<Int> {
    /// The type-of-service octet of outgoing packets, RFC 2474 and 3168 (`IP_TOS`). TCP keeps the lowest two bits
    /// to itself.
    public static var ipv4TypeOfService: Self { Self(.ipv4TypeOfService, .ranged(0...255)) }
    /// How many routers an outgoing packet may pass, 1 to 255 (`IP_TTL`).
    public static var ipv4TimeToLive: Self { Self(.ipv4TimeToLive, .ranged(1...255)) }
}

extension ReadOnlySocketOption<SocketAddress?> {
    /// Where a connection that a netfilter rule has redirected to this machine was going to (`SO_ORIGINAL_DST`).
    /// The kernel knows it only with such a rule, and it can only be read.
    public static var ipv4OriginalDestination: Self { Self(.ipv4OriginalDestination, .socketAddress) }
}
