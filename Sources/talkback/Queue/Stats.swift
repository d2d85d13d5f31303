// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints what the server says of itself, of a tube or of a job.",
        discussion: """
            All fields, in the server's order and under the names that the protocol has for them.

            EXIT STATUS:
              0   They were printed.
              1   An error, which is told on standard error.
              2   There is no such tube or job.
              64  The arguments are wrong.

            EXAMPLES:
              talkback stats --tube resize
              talkback stats --json | jq '."current-jobs-ready"'
              watch talkback stats --job 7
            """)

    @OptionGroup var queue: QueueOptions

    @Option(help: "A tube.", transform: Tube.init(argument:))
    var tube: Tube?

    @Option(parsing: .unconditional, help: ArgumentHelp("A job's number.", valueName: "id"))
    var job: JobID?

    @Flag(help: "Print one JSON object: numbers as numbers, true and false as such, all else as text.")
    var json = false

    func validate() throws {
        guard tube == nil || job == nil else { throw ValidationError("--tube and --job do not go together.") }
    }

    func run() async throws {
        try await queue.withClient { client in
            let statistics = try await statistics(client)
            var output = Output()
            if json { output.append(object(statistics).line) } else { append(statistics, to: &output) }
            try await output.flush()
        }
    }

    private func statistics(_ client: Client) async throws -> Statistics {
        if let tube { return try await client.statistics(of: tube).statistics }
        if let job { return try await client.statistics(ofJob: job).statistics }
        return try await client.statistics()
    }

    private func append(_ statistics: Statistics, to output: inout Output) {
        let width = statistics.names.map(\.count).max() ?? 0
        for name in statistics.names {
            let padding = String(repeating: " ", count: width - name.count + 2)
            output.append(line: Terminal.styled(name, .faint) + padding + (statistics.text(name) ?? ""))
        }
    }

    // MARK: JSON

    /// Fields that are text even if they look like numbers.
    private static let texts: Set = ["version", "hostname", "os", "platform", "tube", "name", "state"]

    private func object(_ statistics: Statistics) -> JSONObject {
        var object = JSONObject()
        for name in statistics.names {
            let value = statistics.text(name) ?? ""
            // A server's number has letters in it, or could have.
            let isText = Self.texts.contains(name) || (name == "id" && job == nil)
            if !isText, Self.isLiteral(value) {
                object.add(name, literal: value)
            } else {
                object.add(name, text: value)
            }
        }
        return object
    }

    private static func isLiteral(_ value: String) -> Bool {
        value.wholeMatch(of: #/true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?/#) != nil
    }
}
