// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What `/proc/PID/stat` says of a process, which needs no program to ask: a bare system has no `ps`.
public struct ProcessStatus: Hashable, Sendable {
    /// The process.
    public var id: Int32
    /// Whether it waits for something that a signal would end.
    public var isSleeping: Bool
    /// Its parent.
    public var parent: Int32
    /// Its process group.
    public var group: Int32

    /// Reads the text of `/proc/PID/stat`; `nil` if it is not that.
    public init?(_ text: String?) {
        // The name may contain anything, but nothing behind it a `)`.
        guard let text, let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[name...].split(whereSeparator: \.isWhitespace)
        let first = text.prefix { $0 != " " }
        guard fields.count > 3, let id = Int32(first), let parent = Int32(fields[2]), let group = Int32(fields[3])
        else { return nil }
        self.id = id
        isSleeping = fields[1] == "S"
        self.parent = parent
        self.group = group
    }

    /// Asks what a process does now; `nil` if it is gone.
    public init?(of process: Int32) {
        self.init(try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))
    }
}
