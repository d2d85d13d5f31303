// SPDX-License-Identifier: Apache-2.0

// The parts of a reply. Each function takes one, and moves the position behind it.
extension Span<UInt8> {
    @inline(__always)
    func skip(_ word: StaticString, _ position: inout Int) -> Bool {
        guard skip(word, from: position) else { return false }
        position += word.utf8CodeUnitCount
        return true
    }

    /// Whether a word stands at a place.
    @inline(__always)
    func skip(_ word: StaticString, from position: Int) -> Bool {
        guard count - position >= word.utf8CodeUnitCount else { return false }
        // SAFETY: the word's bytes are read during the call.
        return word.withUTF8Buffer { bytes in
            for index in bytes.indices where unsafe self[position + index] != bytes[index] { return false }
            return true
        }
    }

    @inline(__always)
    func takeNumber(_ position: inout Int) -> UInt64? {
        let start = position
        var number: UInt64 = 0
        while position < count, case let digit = self[position] &- UInt8(ascii: "0"), digit < 10 {
            let (product, isTooBig) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooMuch) = product.addingReportingOverflow(UInt64(digit))
            if isTooBig || isTooMuch { return nil }
            number = sum
            position += 1
        }
        return position > start ? number : nil
    }

    /// Where the line ends that begins at a place, with its line feed; `nil` if it has not ended.
    func endOfLine(from position: Int) -> Int? {
        var index = position
        while index < count {
            if self[index] == UInt8(ascii: "\n") { return index + 1 }
            index += 1
        }
        return nil
    }
}
