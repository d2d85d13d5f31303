// SPDX-License-Identifier: Apache-2.0

// Options of multicast, `ip(7)` and `ipv6(7)`.
// In the order of their C names within each type of value.

extension SocketOption<Bool> {
    /// Whether the socket receives what is sent to any group that any socket of this machine has joined
    /// (`IP_MULTICAST_ALL`). On at first, which surprises; turn it off to receive only for the groups this socket
    /// joined.
    public static var ipv4MulticastAll: Self { Self(.ipv4MulticastAll, .flag) }
    /// Whether multicast packets also reach this machine's own members of the group (`IP_MULTICAST_LOOP`). On at
    /// first.
    public static var ipv4MulticastLoop: Self { Self(.ipv4MulticastLoop, .flag) }
    /// Whether the socket receives what is sent to any group that any socket of this machine has joined
    /// (`IPV6_MULTICAST_ALL`). On at first, which surprises; turn it off to receive only for the groups this socket
    /// joined.
    public static var ipv6MulticastAll: Self { Self(.ipv6MulticastAll, .flag) }
    /// Whether multicast packets also reach this machine's own members of the group (`IPV6_MULTICAST_LOOP`). On at
    /// first.
    public static var ipv6MulticastLoop: Self { Self(.ipv6MulticastLoop, .flag) }
}

extension SocketOption<IPv4MulticastInterface> {
    /// The interface that outgoing multicast packets leave by (`IP_MULTICAST_IF`).
    public static var ipv4MulticastInterface: Self { Self(.ipv4MulticastInterface, .multicastInterface) }
}

extension SocketOption<Int> {
    /// How many routers an outgoing multicast packet may pass, plus one: 1, as at first, keeps it on the local
    /// network (`IP_MULTICAST_TTL`).
    public static var ipv4MulticastTimeToLive: Self { Self(.ipv4MulticastTimeToLive, .ranged(0...255)) }
    /// How many routers an outgoing multicast packet may pass, plus one; -1 sets the system's own, 1
    /// (`IPV6_MULTICAST_HOPS`).
    public static var ipv6MulticastHops: Self { Self(.ipv6MulticastHops, .ranged(-1...255)) }
}

extension SocketOption<UInt32> {
    /// The index of the interface that outgoing multicast packets leave by; 0 leaves it to the routing table
    /// (`IPV6_MULTICAST_IF`).
    public static var ipv6MulticastInterface: Self { Self(.ipv6MulticastInterface, .uint32) }
}
