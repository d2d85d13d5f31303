// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A report as lines of text.
struct WatchTable {
    struct Line: Hashable {
        enum Style {
            case plain, heading, warning
        }

        var text: String
        var style = Style.plain
    }

    private let report: WatchReport
    private let address: String
    /// What is wrong now, so that the report is an old one.
    private let problem: String?

    init(_ report: WatchReport, address: String, problem: String? = nil) {
        self.report = report
        self.address = address
        self.problem = problem
    }

    /// The lines: what the server is, and a row for each tube below their sum.
    ///
    /// - Parameters:
    ///   - width: How long a line can be: names are shortened, and what is still too long is cut. `nil` for any.
    ///   - height: How many lines there can be; `nil` for any.
    func lines(width: Int?, height: Int?) -> [Line] {
        var lines = [problem.map { Line(text: $0, style: .warning) } ?? Line(text: serverLine)]
        lines.append(Line(text: ""))
        var rows = report.rows
        // A line for those that are left out.
        let room = height.map { max(0, $0 - 5) }
        let isCut = room.map { rows.count > $0 + 1 } ?? false
        if isCut, let room { rows = Array(rows.prefix(room)) }
        let cells = [Self.titles, Self.cells(report.total)] + rows.map(Self.cells)
        let widths = Self.widths(cells, width)
        for (index, row) in cells.enumerated() {
            lines.append(Line(text: Self.text(row, widths), style: index == 0 ? .heading : .plain))
        }
        if isCut { lines.append(Line(text: "and \(report.rows.count - rows.count) more tubes")) }
        if let width {
            for index in lines.indices { lines[index].text = String(lines[index].text.prefix(max(0, width))) }
        }
        return height.map { Array(lines.prefix($0)) } ?? lines
    }

    private var serverLine: String {
        let look = report.look
        let connections = look.connections == 1 ? "1 connection" : "\(look.connections) connections"
        let draining = look.isDraining ? ", draining" : ""
        return "\(address)  version \(look.version), up \(Self.time(look.uptime)), \(connections)\(draining)"
            + "  \(look.date.formatted(.iso8601))"
    }

    // MARK: Cells

    private static let titles = [
        "TUBE", "READY", "DELAYED", "RESERVED", "BURIED", "WAITING", "PAUSED", "PUT/S", "DELETED/S",
    ]

    private static func cells(_ row: WatchReport.Row) -> [String] {
        [
            row.name, "\(row.ready)", "\(row.delayed)", "\(row.reserved)", "\(row.buried)", "\(row.waiting)",
            row.pausedFor == 0 ? "-" : time(row.pausedFor), rate(row.putsPerSecond), rate(row.deletesPerSecond),
        ]
    }

    private static func rate(_ rate: Double?) -> String {
        guard let rate else { return "-" }
        return String(format: rate < 99.95 ? "%.1f" : "%.0f", rate)
    }

    /// A time in its two largest units.
    static func time(_ seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }

    /// The numbers' columns do not become narrower when the numbers do, so that the view is quiet.
    private static func widths(_ cells: [[String]], _ width: Int?) -> [Int] {
        var widths = [4, 8, 9, 10, 8, 9, 8, 9, 11]
        for row in cells {
            for (column, cell) in row.enumerated() {
                widths[column] = max(widths[column], cell.count + (column == 0 ? 0 : 2))
            }
        }
        if let width {
            let numbers = widths.dropFirst().reduce(0, +)
            widths[0] = max(8, min(max(widths[0], 20), width - numbers))
        }
        return widths
    }

    private static func text(_ cells: [String], _ widths: [Int]) -> String {
        var text = shortened(cells[0], to: widths[0]).padded(to: widths[0])
        for (cell, width) in zip(cells, widths).dropFirst() { text += cell.paddedAtStart(to: width) }
        return text
    }

    /// The beginning of a name, with a character at its end that is in none.
    private static func shortened(_ name: String, to width: Int) -> String {
        name.count > width ? name.prefix(width - 1) + "~" : name
    }
}
