// SPDX-License-Identifier: Apache-2.0

/// An address of either version of the Internet Protocol.
///
/// The questions below are answered alike for an IPv4 address and for its IPv4-mapped form, `::ffff:a.b.c.d`, by which
/// a socket for both families knows an IPv4 peer. The two are not equal, though: compare ``unmapped``.
public enum IPAddress: Hashable, Sendable {
    /// An IPv4 address.
    case v4(IPv4Address)
    /// An IPv6 address.
    case v6(IPv6Address)

    /// ``AddressFamily/ipv4`` or ``AddressFamily/ipv6``.
    public var family: AddressFamily {
        switch self {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }

    /// The IPv4 address if this is one in IPv4-mapped form; otherwise the address itself. To be used where addresses
    /// are compared or looked up in a list.
    public var unmapped: IPAddress {
        if case .v6(let address) = self, let mapped = address.ipv4Mapped { .v4(mapped) } else { self }
    }

    /// Whether the address stands for every address of this machine: `0.0.0.0` or `::`.
    public var isUnspecified: Bool {
        switch self {
        case .v4(let address): address.isUnspecified
        case .v6(let address): address.isUnspecified
        }
    }

    /// Whether the address is of this machine only.
    public var isLoopback: Bool {
        switch self {
        case .v4(let address): address.isLoopback
        case .v6(let address): address.isLoopback
        }
    }

    /// Whether the address is valid on one link only.
    public var isLinkLocal: Bool {
        switch self {
        case .v4(let address): address.isLinkLocal
        case .v6(let address): address.isLinkLocal
        }
    }

    /// Whether the address names a group of receivers.
    public var isMulticast: Bool {
        switch self {
        case .v4(let address): address.isMulticast
        case .v6(let address): address.isMulticast
        }
    }
}

extension IPAddress {
    /// Whether the address is of a private network: RFC 1918, RFC 4193.
    public var isPrivate: Bool {
        switch self {
        case .v4(let address): address.isPrivate
        case .v6(let address): address.isPrivate
        }
    }

    /// Whether the address is `255.255.255.255`.
    public var isBroadcast: Bool {
        switch self {
        case .v4(let address): address.isBroadcast
        case .v6(let address): address.isBroadcast
        }
    }

    /// Whether the address is set aside for examples: RFC 5737, RFC 3849, RFC 9637.
    public var isDocumentation: Bool {
        switch self {
        case .v4(let address): address.isDocumentation
        case .v6(let address): address.isDocumentation
        }
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Reads an address of either version; `nil` if the text is neither.
    public init?(_ description: String) {
        if let address = IPv4Address(description) {
            self = .v4(address)
        } else if let address = IPv6Address(description) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// The address as its own type prints it.
    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}
