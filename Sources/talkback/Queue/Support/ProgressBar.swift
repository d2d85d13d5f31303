// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import TalkbackClient

/// How far a job is, on standard error: a bar that moves on a terminal, a line for each report elsewhere.
struct ProgressBar {
    private let isTerminal = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    private static let width = 30

    mutating func show(_ status: JobStatus) {
        guard isTerminal else { return StandardStreams.complain(Self.text(of: status)) }
        let filled = status.percent * Self.width / 100
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        // What does not fit is cut by the terminal, which knows how wide its characters are.
        write("\r\u{1B}[?7l\(bar) \(Self.text(of: status))\u{1B}[?7h\u{1B}[K")
    }

    /// Makes room for what comes next.
    mutating func end() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    private static func text(of status: JobStatus) -> String {
        var text =
            switch status.state {
            case .running: "\(status.percent) %"
            default: status.state.rawValue
            }
        if status.attempt > 1 {
            text += ", attempt \(status.attempt)" + (status.attempts.map { " of \($0)" } ?? "")
        }
        if !status.data.isEmpty { text += ": \(status.text.withoutControls.prefix(200))" }
        return text
    }

    private func write(_ text: String) {
        // Nobody is left to show it to when that fails.
        _ = try? FileDescriptor.standardError.writeAll(text.utf8)
    }
}
