// SPDX-License-Identifier: Apache-2.0

enum ReversedText {
    /// What the server answers to a request, of which more may have followed.
    static func reply(to request: [UInt8], before excess: [UInt8]) -> [UInt8] {
        let whole = excess.isEmpty ? request : wholeCharacters(of: request, before: excess)
        let trimmed = trim(whole)
        if let text = String(validating: trimmed, as: UTF8.self) {
            return Array(String(text.reversed()).utf8) + [UInt8(ascii: "\n")]
        }
        return trimmed.reversed() + [UInt8(ascii: "\n")]
    }

    /// The bytes without what PHP's `trim` removes at both ends: space, tab, line feed, carriage return, zero byte and
    /// vertical tab.
    private static func trim(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        let blank: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D, 0x00, 0x0B]
        let end = bytes.lastIndex { !blank.contains($0) }.map { $0 + 1 } ?? 0
        return bytes[..<end].drop { blank.contains($0) }
    }

    /// The request without a last character that goes on in the excess. A character can be several code points (an
    /// emoji, an accent), so only what follows shows where it ends.
    private static func wholeCharacters(of request: [UInt8], before excess: [UInt8]) -> [UInt8] {
        let bytes = request + excess
        // The excess may itself be cut within a code point, which has at most four bytes.
        for cut in 0...3 {
            guard let text = String(validating: bytes.dropLast(cut), as: UTF8.self) else { continue }
            var count = 0
            for character in text {
                let next = count + character.utf8.count
                if next > request.count { break }
                count = next
            }
            return Array(request.prefix(count))
        }
        return request
    }
}
