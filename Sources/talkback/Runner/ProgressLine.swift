// SPDX-License-Identifier: Apache-2.0

/// What a command says of how far it is: `42% size 3 of 7`, on a descriptor that a variable names.
struct ProgressLine: Hashable, Sendable {
    /// The environment variable with the number of the descriptor.
    static let variable = "TALKBACK_PROGRESS_FD"

    /// 0 to 100.
    let percent: Int
    let text: String

    init(percent: Int, text: String) {
        self.percent = percent
        self.text = Self.words(of: text)
    }

    /// A line without its end; `nil` if it does not begin with a number of per cent, up to 100.
    init?(_ line: [UInt8]) {
        var rest = String(decoding: line, as: UTF8.self)[...]
        let digits = rest.prefix { ("0"..."9").contains($0) }
        guard let percent = Int(digits), percent <= 100 else { return nil }
        rest = rest.dropFirst(digits.count)
        // With decimals or not, but the protocol has whole ones.
        if rest.first == "." { rest = rest.dropFirst().drop { ("0"..."9").contains($0) } }
        let sign = rest.drop { $0 == " " }
        if sign.first == "%" { rest = sign.dropFirst() }
        guard rest.first?.isWhitespace ?? true else { return nil }
        self.init(percent: percent, text: String(rest))
    }

    /// With a space between them, whatever there was: a report is one line.
    private static func words(of text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// As a command writes it.
    var line: String { "\(percent)% \(text)\n" }
}
