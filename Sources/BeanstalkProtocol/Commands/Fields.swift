// SPDX-License-Identifier: Apache-2.0

// The fields of a command line. Each function reads one, and moves the position behind it.

extension Span<UInt8> {
    private func skipSpaces(_ position: inout Int) {
        while position < count, self[position] == UInt8(ascii: " ") { position += 1 }
    }

    /// A number, with any spaces before it; `nil` if there is none, or it does not fit.
    @inline(__always)
    func number<Number: FixedWidthInteger & UnsignedInteger>(_ position: inout Int, as: Number.Type) -> Number? {
        skipSpaces(&position)
        let start = position
        var number: Number = 0
        while position < count, case let digit = self[position] &- UInt8(ascii: "0"), digit < 10 {
            let (product, isTooBig) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooMuch) = product.addingReportingOverflow(Number(digit))
            if isTooBig || isTooMuch { return nil }
            number = sum
            position += 1
        }
        return position > start ? number : nil
    }

    /// A number that ends the line.
    @inline(__always)
    func lastNumber<Number: FixedWidthInteger & UnsignedInteger>(_ position: Int, as type: Number.Type) -> Number? {
        var position = position
        guard let number = number(&position, as: type), position == count else { return nil }
        return number
    }

    /// A tube's name, with any spaces before it, up to what cannot be in one.
    func tube(_ position: inout Int) -> TubeName? {
        skipSpaces(&position)
        let start = position
        while position < count, TubeName.isAllowed(self[position]) { position += 1 }
        return TubeName(extracting(start..<position))
    }

    /// A tube's name that is the rest of the line.
    func lastTube(_ position: Int) -> TubeName? {
        TubeName(extracting(position..<count))
    }

    /// The bytes, to keep.
    var copied: [UInt8] {
        // SAFETY: the bytes are copied during the call.
        unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }

    /// Moves the position behind a word, if that is what stands there.
    func skip(_ word: StaticString, _ position: inout Int) -> Bool {
        guard count - position >= word.utf8CodeUnitCount else { return false }
        let start = position
        // SAFETY: the word's bytes are read during the call.
        let isThere = word.withUTF8Buffer { bytes in
            for index in bytes.indices where unsafe self[start + index] != bytes[index] { return false }
            return true
        }
        if isThere { position += word.utf8CodeUnitCount }
        return isThere
    }

    func begins(with word: Span<UInt8>) -> Bool {
        guard count >= word.count else { return false }
        for index in word.indices where self[index] != word[index] { return false }
        return true
    }
}
