// SPDX-License-Identifier: Apache-2.0

// Texts are bytes, as nobody knows what encoding a program writes. Those in UTF-8 are not cut within a character.
extension [UInt8] {
    /// The first bytes, at most so many. Of UTF-8, whole characters.
    package func head(_ limit: Int) -> [UInt8] {
        guard count > limit else { return self }
        var end = limit
        // A character has at most three bytes behind its first one.
        while end > Swift.max(0, limit - 3), Self.continuesCharacter(self[end]) { end -= 1 }
        return Array(prefix(Self.continuesCharacter(self[end]) ? limit : end))
    }

    /// The last bytes, at most so many. Of UTF-8, whole characters.
    package func tail(_ limit: Int) -> [UInt8] {
        guard count > limit else { return self }
        return Array(suffix(limit)).withoutCutCharacter
    }

    /// The bytes of a text whose beginning was cut off, from the first whole character of UTF-8 on.
    package var withoutCutCharacter: [UInt8] {
        let rest = prefix(4).prefix(while: Self.continuesCharacter)
        return rest.count < 4 ? Array(dropFirst(rest.count)) : self
    }

    private static func continuesCharacter(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
