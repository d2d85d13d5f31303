// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Put: AsyncParsableCommand, ByteArgumentsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Puts jobs into a tube.",
        discussion: """
            The body of a job is an argument, or all of standard input, or all of a file, byte for byte. Each job's \
            number is printed on a line, when the server has said that it keeps the job.

            With --lines each line of the input is a job, without its line feed; an empty line is a job with nothing \
            in it. Many are under way at a time, in the order of the lines. When one fails, no more are sent, and the \
            error says which lines were put.

            EXIT STATUS:
              0   All jobs were put.
              1   An error, which is told on standard error.
              64  The arguments are wrong.

            EXAMPLES:
              talkback put holiday.jpg --tube resize
                  One job, with these eleven bytes.
              talkback put --tube mail --delay 3600 --priority 10 < letter.txt
                  The file is the body; ready in an hour, and urgent then.
              find photos -name '*.jpg' | talkback put --tube resize --lines > ids
                  A job for each file.
              talkback put -- -v
                  A body that looks like an option.
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "Bodies, each of a job. Without any, or with -, standard input is the body.")
    var body: [String] = []

    @OptionGroup var job: JobOptions

    @Option(help: ArgumentHelp("Take the body, or the lines, from a file.", valueName: "path"))
    var file: String?

    @Flag(help: "Make a job of each line of the input.")
    var lines = false

    var byteArguments: [String] { body }

    func validate() throws {
        guard file == nil || body.isEmpty else { throw ValidationError("--file and <body> do not go together.") }
        guard !lines || body.isEmpty || body == ["-"] else {
            throw ValidationError("--lines takes its lines from standard input or from --file, not from <body>.")
        }
    }

    func run() async throws {
        Output.reportBrokenPipes()
        try await queue.withClient { client in
            if lines {
                try await putLines(with: client)
            } else {
                try await putBodies(with: client)
            }
        }
    }

    private func bulk(of noun: String, _ plural: String) -> BulkPut {
        BulkPut(of: noun, plural, printsIDs: true) { [tube = job.tube, options = job.putOptions] client, body in
            try await client.put(body, into: tube, options)
        }
    }

    private func putLines(with client: isolated Client) async throws {
        let input = try Input(file)
        let interruption = Interruption()
        var bulk = bulk(of: "\(input.name): line", "lines")
        var failure: (any Error)?
        do {
            try await bulk.addLines(of: input, until: interruption, on: client)
            if interruption.wasRequested { failure = CleanError("put: interrupted") }
        } catch {
            failure = error
        }
        try await bulk.end(failure, on: client)
    }

    /// More bytes are in no job.
    private static let largestBody = 1 << 30

    private func putBodies(with client: isolated Client) async throws {
        var bulk = bulk(of: "body", "bodies")
        var failure: (any Error)?
        do {
            let input = [UInt8(ascii: "-")]
            for argument in body.isEmpty ? [input] : ArgumentBytes.bytes(of: body) {
                let bytes = argument == input ? try await Input(file).readAll(upTo: Self.largestBody) : argument
                guard try await bulk.add(bytes, on: client) else { break }
            }
        } catch {
            guard bulk.putCount > 0 else { throw error }
            failure = error
        }
        try await bulk.end(failure, on: client)
    }
}
