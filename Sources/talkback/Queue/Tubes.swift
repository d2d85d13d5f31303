// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Tubes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the tubes, and how many jobs are in them.",
        discussion: """
            By name: jobs that are ready, reserved by workers, delayed and buried; workers that wait for a job; and \
            for how many seconds the tube is still paused. A tube exists while it has jobs or somebody uses it or \
            watches it.

            EXIT STATUS:
              0   They were listed.
              1   An error, which is told on standard error.
              64  The arguments are wrong.

            EXAMPLES:
              talkback tubes
              talkback tubes --json | jq -r 'select(.buried > 0).tube'
                  Where jobs have failed.
            """)

    @OptionGroup var queue: QueueOptions

    @Flag(
        help: """
            Print each tube as a JSON object on a line: tube, ready, reserved, delayed, buried, waiting, paused.
            """)
    var json = false

    func run() async throws {
        try await queue.withClient { client in
            let tubes = try await statistics(client)
            var output = Output()
            if json {
                for tube in tubes { output.append(Self.object(tube).line) }
            } else {
                for line in Self.table(tubes) { output.append(line: line) }
            }
            try await output.flush()
        }
    }

    private func statistics(_ client: isolated Client) async throws -> [TubeStatistics] {
        var pipeline = Pipeline<TubeStatistics>()
        var tubes: [TubeStatistics] = []
        var waiting = try await client.tubes().sorted()[...]
        while !waiting.isEmpty || pipeline.count > 0 {
            while pipeline.count < 256, let tube = waiting.popFirst() {
                pipeline.start(on: client) { client in try await client.statistics(of: tube) }
            }
            do {
                if let tube = try await pipeline.next(on: client) { tubes.append(tube) }
            } catch let error as ClientError where error.reason == .notFound {
                // It has gone since.
            }
        }
        return tubes
    }

    private static func object(_ tube: TubeStatistics) -> JSONObject {
        var object = JSONObject()
        object.add("tube", text: "\(tube.tube)")
        object.add("ready", number: tube.ready)
        object.add("reserved", number: tube.reserved)
        object.add("delayed", number: tube.delayed)
        object.add("buried", number: tube.buried)
        object.add("waiting", number: tube.waiting)
        object.add("paused", number: tube.pauseLeft.components.seconds)
        return object
    }

    // MARK: The table

    private struct Cell {
        var text: String
        var style: Terminal.Style?
    }

    private static func table(_ tubes: [TubeStatistics]) -> [String] {
        let names = ["TUBE", "READY", "RESERVED", "DELAYED", "BURIED", "WAITING", "PAUSED"]
        let rows = [names.map { Cell(text: $0, style: .bold) }] + tubes.map(row)
        let widths = names.indices.map { column in rows.map { $0[column].text.count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).enumerated().map { column, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.text.count)
                let text = Terminal.styled(cell.0.text, cell.0.style)
                return column == 0 ? text + padding : padding + text
            }.joined(separator: "  ")
        }
    }

    private static func row(_ tube: TubeStatistics) -> [Cell] {
        let paused = tube.pauseLeft.components.seconds
        return [
            Cell(text: "\(tube.tube)"), Cell(text: "\(tube.ready)"), Cell(text: "\(tube.reserved)"),
            Cell(text: "\(tube.delayed)"), Cell(text: "\(tube.buried)", style: tube.buried > 0 ? .red : nil),
            Cell(text: "\(tube.waiting)"),
            Cell(text: paused > 0 ? "\(paused) s" : "-", style: paused > 0 ? .yellow : nil),
        ]
    }
}
