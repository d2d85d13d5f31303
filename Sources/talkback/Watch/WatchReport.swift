// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What is shown of a look: the tubes, their sum, and what has happened since the look before.
struct WatchReport: Sendable {
    /// A tube, or all of them together.
    struct Row: Hashable, Sendable, Encodable {
        var name: String
        var ready = 0
        var delayed = 0
        var reserved = 0
        var buried = 0
        var waiting = 0
        /// In seconds; zero unless it is paused.
        var pausedFor = 0
        /// `nil` where there is no look before.
        var putsPerSecond: Double?
        var deletesPerSecond: Double?
    }

    let look: ServerLook
    let rows: [Row]
    let total: Row

    init(_ look: ServerLook, after previous: ServerLook?) {
        self.look = look
        // What another server has counted says nothing of this one's.
        let previous = previous.flatMap { $0.instance == look.instance && $0.uptime <= look.uptime ? $0 : nil }
        let seconds = previous.map { $0.time.duration(to: look.time) / .seconds(1) } ?? 0
        let before = Dictionary(previous?.tubes.map { ($0.name, $0) } ?? []) { first, _ in first }
        rows = look.tubes.map { tube in
            var row = Row(
                name: tube.name, ready: tube.ready, delayed: tube.delayed, reserved: tube.reserved,
                buried: tube.buried, waiting: tube.waiting, pausedFor: tube.pauseLeft)
            guard seconds > 0 else { return row }
            let old = before[tube.name]
            row.putsPerSecond = Double(Self.increase(tube.puts, old?.puts)) / seconds
            row.deletesPerSecond = Double(Self.increase(tube.deletes, old?.deletes)) / seconds
            return row
        }
        var total = Row(name: rows.count == 1 ? "1 tube" : "\(rows.count) tubes")
        if seconds > 0 { (total.putsPerSecond, total.deletesPerSecond) = (0, 0) }
        for row in rows {
            total.ready += row.ready
            total.delayed += row.delayed
            total.reserved += row.reserved
            total.buried += row.buried
            total.waiting += row.waiting
            if let rate = row.putsPerSecond { total.putsPerSecond? += rate }
            if let rate = row.deletesPerSecond { total.deletesPerSecond? += rate }
        }
        self.total = total
    }

    /// A tube that has come since begins at zero, and so does one that has gone and come again.
    private static func increase(_ count: Int, _ old: Int?) -> Int {
        guard let old, old <= count else { return count }
        return count - old
    }

    // MARK: JSON

    private struct Line: Encodable {
        var time: String
        var address: String
        var version: String
        var uptime: Int
        var connections: Int
        var isDraining: Bool
        var total: Row
        var tubes: [Row]
    }

    /// All of it, on one line.
    func json(address: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = Line(
            time: look.date.formatted(.iso8601), address: address, version: look.version, uptime: look.uptime,
            connections: look.connections, isDraining: look.isDraining, total: total, tubes: rows)
        return String(decoding: try encoder.encode(line), as: UTF8.self)
    }
}
