// SPDX-License-Identifier: Apache-2.0

import TalkbackClient
import TalkbackRunner

/// A command that has not ended with status 0, or was not started.
struct CommandFailure: JobFailure, CustomStringConvertible {
    /// How it has ended, in a few words.
    let summary: String
    /// What a person is to know: the end of what it has written, as bytes.
    let words: [UInt8]
    let kind: JobFailureKind
    /// What those who wait for the job are told.
    let reasonBytes: [UInt8]

    /// A command that has ended.
    init(_ end: CommandRunner.End, isOutputKept: Bool, kind: JobFailureKind) {
        let errors = PHPErrors.withoutRepetitions(end.errors.lastLines(isCut: end.errorCount > end.errors.count))
        let output = PHPErrors.withoutMarkup(end.outputEnd.lastLines(isCut: end.outputCount > end.outputEnd.count))
        if errors.isEmpty {
            words = output
        } else if let error = PHPErrors.lastOne(in: output), !errors.contains(error.message) {
            // A script that writes to standard error itself, while PHP's own errors go to standard output.
            words = errors + [UInt8(ascii: "\n")] + error.text
        } else {
            words = errors
        }
        self.kind = kind
        if end.status < 0 {
            let signal = -end.status
            summary = "ended by signal \(signal)" + (Self.signals[signal].map { " (\($0))" } ?? "")
            let hint = signal == 9 ? "; the system kills so what takes too much memory" : ""
            reasonBytes =
                words.isEmpty
                ? Array("\(summary)\(hint)".utf8)
                : "\(summary): ".utf8 + words.lastLines(upTo: ReservedJob.maximumReasonSize - 100)
        } else {
            summary = "exit status \(end.status)"
            reasonBytes =
                words.isEmpty
                ? Array((summary + Self.silence(end.status, isOutputKept)).utf8)
                : words.lastLines(upTo: ReservedJob.maximumReasonSize)
        }
    }

    /// A command that cannot be started.
    init(notStarted reason: String) {
        summary = reason
        words = []
        kind = .ordinary
        reasonBytes = Array(reason.utf8)
    }

    /// That nothing is to be known is worth a word where it is PHP that has kept it to itself: 255 is the status of its
    /// errors.
    private static func silence(_ status: Int32, _ isOutputKept: Bool) -> String {
        guard status == 255 else { return "" }
        return isOutputKept
            ? ", and nothing on standard error or output: PHP's display_errors and log_errors may be off"
            : ", and nothing on standard error: PHP's errors go there with display_errors=stderr"
    }

    private static let signals: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
    ]

    var reason: String { String(decoding: reasonBytes, as: UTF8.self) }
    var description: String {
        words.isEmpty ? reason : "\(summary): \(String(decoding: words, as: UTF8.self).withoutControls)"
    }
}

extension [UInt8] {
    /// The text without white space around it; of one that is too long, or whose beginning was cut off, the last whole
    /// lines, or as much as there is of a line that is longer than that.
    func lastLines(upTo limit: Int = .max, isCut: Bool = false) -> [UInt8] {
        let text = trimmed
        guard isCut || text.count > limit else { return text }
        let end = text.suffix(limit)
        let isWholeLine = end.startIndex > 0 && text[end.startIndex - 1] == UInt8(ascii: "\n")
        if !isWholeLine, let lineFeed = end.firstIndex(of: UInt8(ascii: "\n")) {
            let lines = Array(end[(lineFeed + 1)...]).trimmed
            if !lines.isEmpty { return lines }
        }
        return (isWholeLine ? Array(end) : Array(end).withoutCutCharacter).trimmed
    }

    private var trimmed: [UInt8] {
        guard let first = firstIndex(where: { !Self.isSpace($0) }), let last = lastIndex(where: { !Self.isSpace($0) })
        else { return [] }
        return Array(self[first...last])
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
