// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tells how far a job is, or how it has ended.",
        discussion: """
            Prints one line: the job's number, its state, and what there is to say: waiting, delayed, running, done, \
            failed or cancelled. With --result it prints what came out, byte for byte, and nothing else.

            EXIT STATUS:
              0   There is such a job, or its outcome is kept; with --result, it is done.
              1   An error, which is told on standard error.
              2   Nothing is known of it; with --result, there is none.
              64  The arguments are wrong.

            EXAMPLES:
              talkback status 7
                  7  running  42 %  page 3 of 7  (attempt 1, for 12 s)
              talkback status 7 --result > report.pdf
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The job's number.")
    var id: JobID

    @Flag(help: "Print the result alone.")
    var result = false

    @Flag(
        help: """
            Print a JSON object: id, state, attempt, seconds, percent, and text, result or reason; base64 has the \
            bytes of what is not UTF-8.
            """)
    var json = false

    func validate() throws {
        guard !(result && json) else { throw ValidationError("--result and --json do not go together.") }
    }

    func run() async throws {
        try await queue.withClient { client in
            guard let status = try await client.status(of: id) else {
                throw try Self.nothing("ask for the state of job \(id): nothing is known of it")
            }
            var output = Output()
            if json {
                output.append(line: try status.json)
            } else if result {
                guard case .done(let bytes) = status.outcome else {
                    throw try Self.nothing("ask for the result of job \(id): it is \(status.state.rawValue)")
                }
                output.append(bytes)
            } else {
                output.append(line: status.line)
            }
            try await output.flush()
        }
    }

    private static func nothing(_ text: String) throws -> ExitCode {
        StandardStreams.complain("Error: \(text)")
        return .nothingThere
    }
}
