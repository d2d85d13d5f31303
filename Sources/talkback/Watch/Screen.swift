// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import SystemPackage

/// The terminal, as long as something is shown on the whole of it: keys come at once and are not echoed, and what was
/// there before comes back when it is left.
final class Screen: Sendable {
    /// `nil` while it is not entered; the terminal's own settings where standard input is one.
    private let settings = Mutex<Settings?>(nil)

    private struct Settings: Sendable {
        var input: termios?
    }

    func enter() {
        settings.withLock { settings in
            guard settings == nil else { return }
            settings = Settings(input: Self.takeKeysAtOnce())
            // The alternate screen, without a cursor.
            Self.write("\u{1B}[?1049h\u{1B}[?25l")
        }
    }

    func leave() {
        settings.withLock { settings in
            guard let old = settings else { return }
            settings = nil
            Self.write("\u{1B}[?25h\u{1B}[?1049l")
            guard var input = old.input else { return }
            // SAFETY: the structure is read during the call.
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &input)
        }
    }

    /// - Returns: The settings that there were; `nil` if standard input is no terminal.
    private static func takeKeysAtOnce() -> termios? {
        var old = termios()
        // SAFETY: the structures are written, and read, during the calls.
        guard unsafe tcgetattr(STDIN_FILENO, &old) == 0 else { return nil }
        var new = old
        new.c_lflag &= ~tcflag_t(ICANON | ECHO)
        _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &new)
        return old
    }

    /// Columns and lines, as they are now.
    var size: (width: Int, height: Int) {
        var size = winsize()
        // SAFETY: the structure is written during the call.
        let result = unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
        guard result == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Shows lines in place of those that are there, if the screen is entered.
    func draw(_ lines: [WatchTable.Line]) {
        var text = "\u{1B}[H"
        for (index, line) in lines.enumerated() {
            if index > 0 { text += "\r\n" }
            switch line.style {
            case .plain: text += line.text
            case .heading: text += "\u{1B}[7m\(line.text)\u{1B}[0m"
            case .warning: text += "\u{1B}[1m\(line.text)\u{1B}[0m"
            }
            text += "\u{1B}[K"
        }
        text += "\u{1B}[J"
        settings.withLock { settings in
            if settings != nil { Self.write(text) }
        }
    }

    private static func write(_ text: String) {
        // A terminal that is gone sends SIGHUP, which ends the program.
        try? StandardStreams.write(Array(text.utf8).span)
    }
}
