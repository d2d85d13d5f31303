// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Puts the jobs of a file that drain has written into a queue.",
        discussion: """
            Each line is a JSON object. What it must have is body, or base64; what it may have are tube (or it is \
            default), state (ready, delayed or buried; or it is ready), priority (1024), delay in seconds (0), \
            time_to_run in seconds (60), and what else "talkback drain" writes: see its help. Other members are \
            ignored. The jobs get new numbers, in the order of the lines, and begin to age anew; all else is as it \
            was. The file is left as it is.

            A line whose key another job in the tube has already is not put, and counted.

            A file is read twice: when a line is wrong, or has a body that the server does not take, nothing is put. \
            Of a pipe the lines before it are. When a put fails, no more are sent, and the error says which lines were \
            put.

            beanstalkd, and a Talkback that is older than this, do not know all of that. What they cannot be told is \
            left out, and standard error says what that was. There a buried job is put with a delay of 136 years, \
            which its statistics go on to show, reserved by its number, and buried: no worker gets it meanwhile.

            EXIT STATUS:
              0   All jobs were put.
              1   An error, which is told on standard error.
              64  The arguments are wrong.

            EXAMPLES:
              talkback load resize.jsonl
              talkback load failed.jsonl --tube again
                  Into another tube than they came from.
              jq -c 'select(.state == "ready")' all.jsonl | talkback load
              echo '{"body": "holiday.jpg", "tube": "resize"}' | talkback load
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The file. (default: standard input)")
    var file: String?

    @Option(help: "Put into this tube, whatever the lines say.", transform: Tube.init(argument:))
    var tube: Tube?

    func run() async throws {
        Output.reportBrokenPipes()
        try await queue.withClient { client in
            let input = try Input(file)
            let largest = try await client.statistics().number("max-job-size")
            if input.isFile { try await Self.check(input, largest) }
            let loading = Loading(into: tube, with: try await ServerKnowledge(of: client))
            let count = try await Self.load(input, loading, on: client)
            StandardStreams.complain(loading.summary(of: count))
        }
    }

    /// Refuses a file with a line that is wrong.
    private static func check(_ input: Input, _ largest: Int64?) async throws {
        let start = try input.position()
        var splitter = LineSplitter()
        var number = 0
        var progress = Progress("checked")
        defer { progress.end() }
        func check(_ line: [UInt8]) throws {
            number += 1
            do {
                let size = try JobRecord(line: line).body.count
                if let largest, size > largest {
                    throw CleanError(ClientError.explanation(ofBodyOf: size, limit: largest))
                }
            } catch {
                throw CleanError("\(input.name): line \(number): \(error); nothing was put")
            }
        }
        while case let bytes = try await input.read(), !bytes.isEmpty {
            splitter.append(bytes)
            while let line = splitter.next() { try check(line) }
            progress.show(number)
        }
        if let line = splitter.last() { try check(line) }
        try input.go(to: start)
    }

    /// - Returns: How many were put, with those whose keys others have.
    private static func load(_ input: Input, _ loading: Loading, on client: isolated Client) async throws -> Int {
        let interruption = Interruption()
        var bulk = BulkPut(of: "\(input.name): line", "lines", printsIDs: false) { client, line in
            try await loading.put(try JobRecord(line: line), on: client)
        }
        var failure: (any Error)?
        do {
            try await bulk.addLines(of: input, until: interruption, on: client)
            if interruption.wasRequested { failure = CleanError("load: interrupted") }
        } catch {
            failure = error
        }
        try await bulk.end(failure, on: client)
        return bulk.putCount
    }
}
