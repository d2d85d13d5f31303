// SPDX-License-Identifier: Apache-2.0

/// Makes lines, without their line feeds, of the pieces of a text.
struct LineSplitter {
    /// More than any server takes as a body, in base64 too.
    static let limit = 3 << 29

    private var bytes: [UInt8] = []
    private var start = 0
    /// Up to where there is no line feed.
    private var searched = 0

    /// What there is of a line that has not ended.
    var restCount: Int { bytes.count - start }

    mutating func append(_ more: [UInt8]) {
        if start > 0 {
            bytes.removeFirst(start)
            searched -= start
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    mutating func next() -> [UInt8]? {
        guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            return nil
        }
        let line = Array(bytes[start..<end])
        start = end + 1
        searched = start
        return line
    }

    /// What is behind the last line feed; `nil` if there is nothing.
    mutating func last() -> [UInt8]? {
        guard start < bytes.count else { return nil }
        defer { start = bytes.count }
        return Array(bytes[start...])
    }
}
