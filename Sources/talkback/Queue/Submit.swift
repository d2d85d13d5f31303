// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Submit: AsyncParsableCommand, ByteArgumentsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hands in a job, and waits for what comes out if it is asked to.",
        discussion: """
            The body is an argument, or all of standard input, or all of a file. The job's number is printed when the \
            server has said that it keeps the job; the outcome is kept for as long as --keep says, for "talkback \
            status".

            With --wait the number goes to standard error, and to standard output the result, byte for byte, when the \
            job is done; with --follow standard error shows meanwhile how far it is. Interrupted, or when the time is \
            over, this program ends, and the job goes on; "talkback cancel" is for that. A server that is away \
            meanwhile is waited for, for a minute.

            EXIT STATUS:
              0   The server keeps the job; with --wait or --follow, it is done.
              1   An error, which is told on standard error.
              2   The job has failed; the reason is told on standard error.
              3   Somebody has cancelled the job.
              4   It has not ended in time.
              64  The arguments are wrong.

            EXAMPLES:
              talkback submit holiday.jpg --tube resize
              talkback submit --tube report --wait < year.csv > report.pdf
              talkback submit --tube report --follow --attempts 3 --key year-2025 < year.csv
                  However often it is asked for, it is made once.
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The body. Without it, or with -, standard input is the body.")
    var body: String?

    @OptionGroup var job: JobOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How long its outcome is kept, in whole seconds.", valueName: "seconds"))
    var keep = WholeSeconds(3600)

    @OptionGroup var tags: TagOptions

    @Option(help: ArgumentHelp("Take the body from a file.", valueName: "path"))
    var file: String?

    @Flag(help: "Wait for the end, and print the result.")
    var wait = false

    @Flag(help: "As --wait, and show how far it is.")
    var follow = false

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Wait so long at most, in whole seconds.", valueName: "seconds"))
    var timeout: WholeSeconds?

    var byteArguments: [String] { body.map { [$0] } ?? [] }

    func validate() throws {
        guard file == nil || body == nil else { throw ValidationError("--file and <body> do not go together.") }
        guard timeout == nil || wait || follow else {
            throw ValidationError("--timeout goes with --wait or --follow.")
        }
    }

    func run() async throws {
        Output.reportBrokenPipes()
        let bytes = try await bytes()
        var options = job.putOptions
        options.keepOutcome = keep.duration
        tags.apply(to: &options)
        try await queue.withClient(patience: .seconds(60)) { client in
            let submission = try await client.submit(bytes, to: job.tube, options)
            var output = Output()
            guard wait || follow else {
                output.append(line: "\(submission.id)")
                return try await output.flush()
            }
            StandardStreams.complain("job \(submission.id)")
            output.append(try await result(of: submission))
            try await output.flush()
        }
    }

    private func result(of submission: Submission) async throws -> [UInt8] {
        let outcome: Outcome?
        do {
            outcome = try await self.outcome(of: submission)
        } catch let error as ClientError where error.reason == .notFound {
            throw CleanError(
                """
                wait for job \(submission.id): nothing is known of it any more; the server was started without it, or \
                --keep was over
                """)
        } catch let error as ClientError {
            // What was submitted is not undone.
            throw CleanError(
                "\(error); the job itself goes on, and \"talkback status \(submission.id)\" asks for it again")
        }
        switch outcome {
        case .done(let result): return result
        case .failed(let reason):
            let lines = reason.text.split(separator: "\n", omittingEmptySubsequences: false).map(\.withoutControls)
            StandardStreams.complain("Error: job \(submission.id) has failed: \(lines.joined(separator: "\n"))")
            throw ExitCode.jobHasFailed
        case .cancelled:
            StandardStreams.complain("Error: job \(submission.id) was cancelled")
            throw ExitCode.jobWasCancelled
        case nil:
            StandardStreams.complain("Error: job \(submission.id) has not ended in time, and goes on")
            throw ExitCode.jobGoesOn
        }
    }

    /// More bytes are in no job.
    private static let largestBody = 1 << 30

    private func bytes() async throws -> [UInt8] {
        if let body, body != "-" { return ArgumentBytes.bytes(of: [body])[0] }
        return try await Input(file).readAll(upTo: Self.largestBody)
    }

    private func outcome(of submission: Submission) async throws -> Outcome? {
        guard follow else {
            if let timeout { return try await submission.outcome(within: timeout.duration) }
            return try await submission.outcome
        }
        let limit = timeout?.duration
        return try await withThrowingTaskGroup(of: Outcome?.self) { group in
            group.addTask {
                var bar = ProgressBar()
                defer { bar.end() }
                for try await status in submission.updates {
                    if let outcome = status.outcome { return outcome }
                    bar.show(status)
                }
                return nil
            }
            if let limit {
                group.addTask {
                    // What is followed may be silent for longer than anyone here waits.
                    try await Task.sleep(for: limit)
                    return nil
                }
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}

extension ExitCode {
    fileprivate static let jobHasFailed = ExitCode(2)
    fileprivate static let jobWasCancelled = ExitCode(3)
    fileprivate static let jobGoesOn = ExitCode(4)
}
