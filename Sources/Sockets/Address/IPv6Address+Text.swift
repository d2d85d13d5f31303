// SPDX-License-Identifier: Apache-2.0

extension IPv6Address: LosslessStringConvertible {
    /// Reads an address in any form of RFC 4291 section 2.2, such as `2001:db8::1` or `::ffff:192.0.2.1`; `nil` if
    /// the text is anything else. Brackets, scopes and prefixes are not part of an address.
    public init?(_ text: some StringProtocol) {
        self.init(utf8: text.utf8)
    }

    /// Reads an address in any form of RFC 4291 section 2.2, such as `2001:db8::1` or `::ffff:192.0.2.1`; `nil` if
    /// the text is anything else. Brackets, scopes and prefixes are not part of an address.
    public init?(_ description: String) {
        self.init(utf8: description.utf8)
    }

    init?(utf8 text: some Collection<UInt8>) {
        guard text.count <= 45 else { return nil }
        let characters = [UInt8](text)
        var groups: [UInt16] = []
        var gap: Int?
        var position = 0

        while position < characters.count {
            if characters[position...].starts(with: "::".utf8) {
                guard gap == nil else { return nil }
                gap = groups.count
                position += 2
                continue
            }
            if position > 0, characters[position - 1] != UInt8(ascii: ":") {
                guard characters[position] == UInt8(ascii: ":"), position + 1 < characters.count else { return nil }
                position += 1
            }
            let group = characters[position...].prefix { $0 != UInt8(ascii: ":") }
            if group.contains(UInt8(ascii: ".")) {
                guard group.endIndex == characters.endIndex, let embedded = IPv4Address(utf8: group) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: embedded.rawValue >> 16))
                groups.append(UInt16(truncatingIfNeeded: embedded.rawValue))
            } else {
                guard let value = Self.hexadecimal(group) else { return nil }
                groups.append(value)
            }
            position = group.endIndex
        }

        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        self.init(groups[0], groups[1], groups[2], groups[3], groups[4], groups[5], groups[6], groups[7])
    }

    private static func hexadecimal(_ digits: some Collection<UInt8>) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var value: UInt16 = 0
        for digit in digits {
            let number: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): number = digit - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt16(number)
        }
        return value
    }

    /// The address in the one form that RFC 5952 gives it: lower case, no leading zeros, the longest run of zeros
    /// (the first of several) as `::`, and an IPv4-mapped address with its IPv4 part in decimal.
    public var description: String {
        if let ipv4Mapped {
            return "::ffff:\(ipv4Mapped)"
        }
        let groups = groups
        let gap = Self.longestRunOfZeros(in: groups)
        var text = ""
        var index = 0
        while index < 8 {
            if let gap, gap.lowerBound == index {
                text += "::"
                index = gap.upperBound
                continue
            }
            if !text.isEmpty, !text.hasSuffix(":") {
                text += ":"
            }
            text += String(groups[index], radix: 16)
            index += 1
        }
        return text
    }

    private static func longestRunOfZeros(in groups: InlineArray<8, UInt16>) -> Range<Int>? {
        var longest: Range<Int>?
        var start = 0
        while start < 8 {
            guard groups[start] == 0 else {
                start += 1
                continue
            }
            var end = start
            while end < 8, groups[end] == 0 {
                end += 1
            }
            // RFC 5952, section 4.2.2: a single zero group is not shortened.
            if end - start > max(1, longest?.count ?? 0) {
                longest = start..<end
            }
            start = end
        }
        return longest
    }
}
