// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging

/// The log of a program that runs for long: swift-log's lines, on standard error, by a ``LogStream``.
enum Log {
    /// Sends all loggers' lines there, and makes one.
    static func logger(_ label: String, _ level: LogLevel) -> Logger {
        LoggingSystem.bootstrap { StreamLogHandler(label: $0, stream: Lines()) }
        var logger = Logger(label: label)
        logger.logLevel = level.level
        // The handler for this one is a stream that keeps what it is given.
        LogStream.standardError.setNotice { count in
            let line = Captured()
            let handler = StreamLogHandler(label: label, stream: line)
            handler.log(
                event: LogEvent(
                    level: .warning, message: "lines of the log were dropped: they could not be written",
                    metadata: ["lines": "\(count)"], source: "talkback", file: #fileID, function: #function,
                    line: #line))
            return line.text
        }
        return logger
    }

    private struct Lines: TextOutputStream {
        mutating func write(_ string: String) {
            LogStream.standardError.write(string)
        }
    }

    /// A line that is not written yet.
    private final class Captured: TextOutputStream, @unchecked Sendable {
        // `@unchecked`: only the function that makes it uses it.
        var text = ""

        func write(_ string: String) {
            text += string
        }
    }
}
