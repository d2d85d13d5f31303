// SPDX-License-Identifier: Apache-2.0

/// The shapes in which PHP writes its own errors, which depend on its settings:
///
/// - `Fatal error: … in FILE on line 3` on standard output with `display_errors=1`, which it is without a php.ini;
/// - the same with `<b>` and `<br />` with `html_errors=1`, as from php-cgi;
/// - `PHP Fatal error:  … in FILE on line 3` on standard error with `log_errors=1`;
/// - with `display_errors=stderr` the first on standard error, too, and behind the third if that is there.
enum PHPErrors {
    private static let ends = ["Fatal error: ", "Parse error: ", "Recoverable fatal error: "].map { Array($0.utf8) }
    private static let prefix = Array("PHP ".utf8)
    private static let space = UInt8(ascii: " ")
    private static let lineFeed = UInt8(ascii: "\n")

    /// The last error of those that end a script.
    ///
    /// - Returns: All of its lines, and what it says, in its first line.
    static func lastOne(in text: [UInt8]) -> (text: [UInt8], message: [UInt8])? {
        let lines = text.split(separator: lineFeed, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated().reversed() {
            let shown = displayed(line) ?? Array(line)
            guard let end = ends.first(where: { shown.starts(with: $0) }) else { continue }
            return (Array(lines[index...].joined(separator: [lineFeed])), Array(shown.dropFirst(end.count)))
        }
        return nil
    }

    /// Without what is displayed where it was logged before.
    static func withoutRepetitions(_ text: [UInt8]) -> [UInt8] {
        var lines = text.split(separator: lineFeed, omittingEmptySubsequences: false).map(Array.init)
        var index = 0
        while index < lines.count {
            if let shown = displayed(lines[index][...]), let second = lines[(index + 1)...].firstIndex(of: shown) {
                // All lines of a message of several.
                let rest = lines[(index + 1)..<second]
                if lines[(second + 1)...].starts(with: rest) { lines.removeSubrange(index..<second) }
            }
            index += 1
        }
        return Array(lines.joined(separator: [lineFeed]))
    }

    /// A line of the log as it is displayed; `nil` if it is none.
    private static func displayed(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        guard line.starts(with: prefix) else { return nil }
        let rest = Array(line.dropFirst(prefix.count))
        // Two spaces, one of which is displayed.
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")), rest[(colon + 1)...].starts(with: [space, space])
        else { return nil }
        return Array(rest[...(colon + 1)] + rest[(colon + 3)...])
    }

    /// As text if PHP has written it as HTML.
    static func withoutMarkup(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(Array("error</b>:  ".utf8)) else { return text }
        let plain = text.removing(["<br />", "<b>", "</b>"].map { Array($0.utf8) })
        return plain.replacing(Array("error:  ".utf8), with: Array("error: ".utf8)).lastLines()
    }
}

extension [UInt8] {
    fileprivate func removing(_ tokens: [[UInt8]]) -> [UInt8] {
        tokens.reduce(self) { $0.replacing($1, with: []) }
    }
}
