// SPDX-License-Identifier: Apache-2.0

/// What a command says of how far it is: `42% size 3 of 7`, on a descriptor that a variable names.
struct ProgressLine: Hashable, Sendable {
    /// The environment variable with the number of the descriptor.
    static let variable = "TALKBACK_PROGRESS_FD"

    /// 0 to 100.
    let percent: Int
    /// In whatever encoding the command writes.
    let text: [UInt8]

    init(percent: Int, text: some Sequence<UInt8>) {
        self.percent = percent
        self.text = Self.words(of: Array(text))
    }

    /// A line without its end; `nil` if it does not begin with a number of per cent, up to 100.
    init?(_ line: [UInt8]) {
        var rest = line[...]
        let digits = rest.prefix(while: Self.isDigit)
        guard let percent = Int(String(decoding: digits, as: UTF8.self)), percent <= 100 else { return nil }
        rest = rest.dropFirst(digits.count)
        // With decimals or not, but the protocol has whole ones.
        if rest.first == UInt8(ascii: ".") { rest = rest.dropFirst().drop(while: Self.isDigit) }
        let sign = rest.drop { $0 == UInt8(ascii: " ") }
        if sign.first == UInt8(ascii: "%") { rest = sign.dropFirst() }
        guard rest.first.map(Self.isSpace) ?? true else { return nil }
        self.init(percent: percent, text: rest)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// The spaces of ASCII, which are the same bytes in every encoding that a program is likely to write.
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// With a space between them, whatever there was: a report is one line.
    private static func words(of text: [UInt8]) -> [UInt8] {
        Array(text.split(whereSeparator: isSpace).joined(separator: [0x20]))
    }

    /// As a command writes it.
    var line: [UInt8] { "\(percent)% ".utf8 + text + [UInt8(ascii: "\n")] }
}
