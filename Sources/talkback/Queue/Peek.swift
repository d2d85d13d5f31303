// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Peek: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints a job and leaves it where it is.",
        usage: """
            talkback peek <id>
            talkback peek [--tube <tube>] [--ready | --delayed | --buried]
            """,
        discussion: """
            Prints the body of the job with a number, whatever state it is in; or of a tube's job that is first: the \
            most urgent ready one, the delayed one that is ready soonest, the one that was buried first. The body is \
            printed as it is, with a line feed after it.

            EXIT STATUS:
              0   The job was printed.
              1   An error, which is told on standard error.
              2   There is no such job.
              64  The arguments are wrong.

            EXAMPLES:
              talkback peek 7
              talkback peek --tube resize --buried --json
                  What has failed first, and all that is known of it.
              talkback peek 7 --raw > body
                  Byte for byte.
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The job's number.")
    var id: JobID?

    @Option(help: "The tube. (default: default)", transform: Tube.init(argument:))
    var tube: Tube?

    @Flag(help: "The first ready job. (default)")
    var ready = false

    @Flag(help: "The first delayed job.")
    var delayed = false

    @Flag(help: "The first buried job.")
    var buried = false

    @OptionGroup var bodies: BodyOptions

    func validate() throws {
        let states = [ready, delayed, buried].count(where: \.self)
        guard states < 2 else { throw ValidationError("Of --ready, --delayed and --buried only one can be given.") }
        guard id == nil || (tube == nil && states == 0) else {
            throw ValidationError("<id> goes with none of --tube, --ready, --delayed and --buried.")
        }
    }

    func run() async throws {
        try await queue.withClient { client in
            guard let job = try await job(client), let text = try await text(of: job, client) else {
                StandardStreams.complain("Error: peek at \(subject): there is none")
                throw ExitCode.nothingThere
            }
            var output = Output()
            output.append(text)
            try await output.flush()
        }
    }

    /// - Returns: `nil` if the job has gone meanwhile.
    private func text(of job: Job, _ client: Client) async throws -> [UInt8]? {
        guard bodies.json else { return bodies.text(of: job.body) }
        return try await client.record(of: job, ServerKnowledge(of: client))?.line
    }

    private var state: JobState { delayed ? .delayed : buried ? .buried : .ready }

    private var subject: String {
        if let id { return "job \(id)" }
        return "a \(state.rawValue) job in \(tube ?? .default)"
    }

    private func job(_ client: Client) async throws -> Job? {
        if let id { return try await client.peek(id) }
        return try await client.peek(state, in: tube ?? .default)
    }
}
