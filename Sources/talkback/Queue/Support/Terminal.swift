// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What is different when a person looks at the output.
enum Terminal {
    /// Whether standard output may have colours.
    static let hasColours: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }()

    /// How a word can look.
    enum Style: String {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case yellow = "33"
    }

    static func styled(_ text: String, _ style: Style?) -> String {
        guard let style, hasColours else { return text }
        return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
    }
}

/// How far something has come, on a terminal, when it takes long.
struct Progress {
    private let verb: String
    private let total: Int?
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var nextTime = ContinuousClock.now.advanced(by: .seconds(1))
    private var hasShown = false

    /// - Parameter total: How many there will be, about, if that is known.
    init(_ verb: String, of total: Int? = nil) {
        self.verb = verb
        self.total = total
    }

    mutating func show(_ count: Int) {
        guard isTerminal, case let now = ContinuousClock.now, now >= nextTime else { return }
        nextTime = now.advanced(by: .milliseconds(200))
        hasShown = true
        write("\r\(verb) \(count)" + (total.map { " of \(max(count, $0))" } ?? "") + "\u{1B}[K")
    }

    mutating func end() {
        if hasShown { write("\r\u{1B}[K") }
        hasShown = false
    }

    private func write(_ text: String) {
        StandardStreams.show(text)
    }
}
