// SPDX-License-Identifier: Apache-2.0

/// An IPv4 address, RFC 791.
///
/// Text is read and printed as four decimal numbers without leading zeros. The resolver's shorthand (`127.1`,
/// hexadecimal, a single number) is not read: it hides what an address is, and filters have been fooled by it.
public struct IPv4Address: Hashable, Sendable {
    /// The address as a number: the first of its four octets is the most significant.
    public var rawValue: UInt32

    /// An address from a number whose most significant octet comes first.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// An address from its four octets, in the order in which they are written.
    public init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        rawValue = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
    }

    /// The four octets, in the order in which they are written and sent.
    public var octets: InlineArray<4, UInt8> {
        [
            UInt8(truncatingIfNeeded: rawValue >> 24), UInt8(truncatingIfNeeded: rawValue >> 16),
            UInt8(truncatingIfNeeded: rawValue >> 8), UInt8(truncatingIfNeeded: rawValue),
        ]
    }

    /// `0.0.0.0`: every address of this machine, when bound to.
    public static let any = IPv4Address(0, 0, 0, 0)
    /// `127.0.0.1`: this machine, reached only by itself.
    public static let loopback = IPv4Address(127, 0, 0, 1)
    /// `255.255.255.255`: every machine of the local network.
    public static let broadcast = IPv4Address(255, 255, 255, 255)
}

extension IPv4Address {
    /// Whether the address is `0.0.0.0`.
    public var isUnspecified: Bool { rawValue == 0 }
    /// Whether the address is of this machine only: `127.0.0.0/8`, RFC 1122.
    public var isLoopback: Bool { isIn(0x7F00_0000, prefix: 8) }
    /// Whether the address is of a private network: `10.0.0.0/8`, `172.16.0.0/12` or `192.168.0.0/16`, RFC 1918.
    public var isPrivate: Bool {
        isIn(0x0A00_0000, prefix: 8) || isIn(0xAC10_0000, prefix: 12) || isIn(0xC0A8_0000, prefix: 16)
    }
    /// Whether the address is valid on one link only: `169.254.0.0/16`, RFC 3927.
    public var isLinkLocal: Bool { isIn(0xA9FE_0000, prefix: 16) }
    /// Whether the address names a group of receivers: `224.0.0.0/4`, RFC 5771.
    public var isMulticast: Bool { isIn(0xE000_0000, prefix: 4) }
    /// Whether the address is `255.255.255.255`.
    public var isBroadcast: Bool { rawValue == .max }
    /// Whether the address is set aside for examples: `192.0.2.0/24`, `198.51.100.0/24` or `203.0.113.0/24`, RFC 5737.
    public var isDocumentation: Bool {
        isIn(0xC000_0200, prefix: 24) || isIn(0xC633_6400, prefix: 24) || isIn(0xCB00_7100, prefix: 24)
    }

    private func isIn(_ network: UInt32, prefix: UInt32) -> Bool {
        (rawValue ^ network) >> (32 - prefix) == 0
    }
}

extension IPv4Address: Comparable {
    /// Whether the left address comes first in numerical order.
    public static func < (left: IPv4Address, right: IPv4Address) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension IPv4Address: LosslessStringConvertible {
    /// Reads an address such as `192.0.2.1`; `nil` if the text is anything else.
    public init?(_ text: some StringProtocol) {
        self.init(utf8: text.utf8)
    }

    /// Reads an address such as `192.0.2.1`; `nil` if the text is anything else.
    public init?(_ description: String) {
        self.init(utf8: description.utf8)
    }

    init?(utf8 text: some Collection<UInt8>) {
        let numbers = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard numbers.count == 4 else { return nil }
        var value: UInt32 = 0
        for number in numbers {
            guard (1...3).contains(number.count), number.count == 1 || number.first != UInt8(ascii: "0") else {
                return nil
            }
            var octet: UInt32 = 0
            for character in number {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
                octet = octet * 10 + UInt32(character - UInt8(ascii: "0"))
            }
            guard octet <= 255 else { return nil }
            value = value << 8 | octet
        }
        rawValue = value
    }

    /// The address as four decimal numbers, such as `192.0.2.1`.
    public var description: String {
        let octets = octets
        return "\(octets[0]).\(octets[1]).\(octets[2]).\(octets[3])"
    }
}
