// SPDX-License-Identifier: Apache-2.0

/// An IPv6 address, RFC 4291, without a scope: that belongs to the ``SocketAddress`` around it.
public struct IPv6Address: Hashable, Sendable {
    /// The first eight octets, the first of them the most significant.
    public var high: UInt64
    /// The last eight octets, the first of them the most significant.
    public var low: UInt64

    /// An address from its two halves, each with its first octet as the most significant.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An address from its eight groups of 16 bits, in the order in which they are written.
    public init(
        _ first: UInt16, _ second: UInt16, _ third: UInt16, _ fourth: UInt16,
        _ fifth: UInt16, _ sixth: UInt16, _ seventh: UInt16, _ eighth: UInt16
    ) {
        high = UInt64(first) << 48 | UInt64(second) << 32 | UInt64(third) << 16 | UInt64(fourth)
        low = UInt64(fifth) << 48 | UInt64(sixth) << 32 | UInt64(seventh) << 16 | UInt64(eighth)
    }

    /// The IPv4-mapped address `::ffff:a.b.c.d`, under which an IPv6 socket knows an IPv4 peer.
    public init(mapped address: IPv4Address) {
        high = 0
        low = 0xFFFF << 32 | UInt64(address.rawValue)
    }

    /// The eight groups of 16 bits, in the order in which they are written.
    public var groups: InlineArray<8, UInt16> {
        InlineArray { index in
            let half = index < 4 ? high : low
            return UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * (index % 4)))
        }
    }

    /// The sixteen octets, in the order in which they are written and sent.
    public var octets: InlineArray<16, UInt8> {
        InlineArray { index in
            let half = index < 8 ? high : low
            return UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * (index % 8)))
        }
    }

    /// `::`: every address of this machine, when bound to.
    public static let any = IPv6Address(high: 0, low: 0)
    /// `::1`: this machine, reached only by itself.
    public static let loopback = IPv6Address(high: 0, low: 1)
}

/// What kind of address it is.
///
/// An IPv4-mapped address, `::ffff:a.b.c.d`, is an IPv4 address in another form: a packet for it is an IPv4 packet. So
/// each question is answered as ``IPv4Address`` answers it for the address within. No other form is looked into:
/// the IPv4-compatible `::a.b.c.d`, which RFC 4291 has given up, and the prefixes of translators and tunnels
/// (`64:ff9b::/96`, `2002::/16`) lead to an IPv4 address only if something on the way makes them.
extension IPv6Address {
    /// Whether the address is `::`, or `0.0.0.0` in mapped form.
    public var isUnspecified: Bool { ipv4Mapped?.isUnspecified ?? (self == .any) }
    /// Whether the address is `::1`, or of `127.0.0.0/8` in mapped form.
    public var isLoopback: Bool { ipv4Mapped?.isLoopback ?? (self == .loopback) }
    /// Whether the address is valid on one link only: `fe80::/10`, which needs a scope, or `169.254.0.0/16` in mapped
    /// form, which needs none.
    public var isLinkLocal: Bool { ipv4Mapped?.isLinkLocal ?? (high >> 54 == 0xFE80 >> 6) }
    /// Whether the address is of a private network of IPv6's own: `fc00::/7`, RFC 4193.
    public var isUniqueLocal: Bool { high >> 57 == 0xFC >> 1 }
    /// Whether the address is of a private network: ``isUniqueLocal``, or one of RFC 1918 in mapped form.
    public var isPrivate: Bool { ipv4Mapped?.isPrivate ?? isUniqueLocal }
    /// Whether the address names a group of receivers: `ff00::/8`, or `224.0.0.0/4` in mapped form.
    public var isMulticast: Bool { ipv4Mapped?.isMulticast ?? isIPv6Multicast }
    /// Whether the address is `255.255.255.255` in mapped form. IPv6 has no broadcast.
    public var isBroadcast: Bool { ipv4Mapped?.isBroadcast ?? false }
    /// Whether the address is set aside for examples: `2001:db8::/32`, RFC 3849, `3fff::/20`, RFC 9637, or one of RFC
    /// 5737 in mapped form.
    public var isDocumentation: Bool {
        ipv4Mapped?.isDocumentation ?? (high >> 32 == 0x2001_0DB8 || high >> 44 == 0x3FFF0)
    }
    /// Whether an IPv6 socket can join the group that the address names: `ff00::/8`.
    var isIPv6Multicast: Bool { high >> 56 == 0xFF }
    /// The IPv4 address in an IPv4-mapped one (`::ffff:a.b.c.d`), or `nil` for any other.
    public var ipv4Mapped: IPv4Address? {
        high == 0 && low >> 32 == 0xFFFF ? IPv4Address(rawValue: UInt32(truncatingIfNeeded: low)) : nil
    }
}

extension IPv6Address: Comparable {
    /// Whether the left address comes first in numerical order.
    public static func < (left: IPv6Address, right: IPv6Address) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
