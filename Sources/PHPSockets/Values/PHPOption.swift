// SPDX-License-Identifier: Apache-2.0

/// The value of a socket option: a number, or what PHP has an array for.
public enum PHPOption: Hashable, Sendable {
    /// A number, or a switch that is 0 or 1.
    case int(Int)
    /// A name: of an interface (`SO_BINDTODEVICE`), of an algorithm (`TCP_CONGESTION`).
    case text(String)
    /// `SO_LINGER`: whether to linger, and for how many seconds.
    case linger(l_onoff: Int, l_linger: Int)
    /// `SO_RCVTIMEO`, `SO_SNDTIMEO`: seconds and microseconds; both 0 is for ever.
    case timeout(sec: Int, usec: Int)
    /// `SO_MEMINFO`: numbers of bytes and packets, in the kernel's order.
    case integers([Int])
    /// `MCAST_JOIN_GROUP`, `MCAST_LEAVE_GROUP`: the group's address.
    case group(String, interface: PHPInterface = 0)
    /// `MCAST_JOIN_SOURCE_GROUP`, `MCAST_BLOCK_SOURCE` and so on: the group's address and the source's.
    case sourceGroup(String, source: String, interface: PHPInterface = 0)
    /// `IPV6_PKTINFO`: the source address of packets, and their interface.
    case packetInfo(addr: String, ifindex: PHPInterface)

    /// The number, if it is one.
    public var int: Int? {
        if case .int(let value) = self { value } else { nil }
    }
}

extension PHPOption: ExpressibleByIntegerLiteral {
    /// A number.
    public init(integerLiteral value: Int) {
        self = .int(value)
    }
}

/// A network interface, by its index or its name.
public enum PHPInterface: Hashable, Sendable {
    /// The index; 0 leaves it to the system.
    case index(Int)
    /// The name, such as `eth0`.
    case name(String)
}

extension PHPInterface: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    /// An interface by its index.
    public init(integerLiteral index: Int) {
        self = .index(index)
    }

    /// An interface by its name.
    public init(stringLiteral name: String) {
        self = .name(name)
    }
}
