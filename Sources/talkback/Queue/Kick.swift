// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Kick: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes jobs that were set aside ready.",
        usage: """
            talkback kick [--tube <tube>] [<number>]
            talkback kick --job <id> ...
            """,
        discussion: """
            The jobs of a tube that were buried first are ready again; if none is buried, the delayed ones that are \
            next. How many there were is printed. With --job these jobs are ready, buried or delayed, in whatever \
            tubes they are.

            EXIT STATUS:
              0   At least one job was kicked; with --job, all.
              1   An error, which is told on standard error.
              2   There was none to kick; with --job, some were not found, or neither
                  buried nor delayed, and the others were kicked.
              64  The arguments are wrong.

            EXAMPLES:
              talkback kick --tube resize 100
                  Gives a hundred of the jobs that have failed to the workers again.
              talkback kick --job 7 8
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "How many jobs at most. (default: 1)")
    var number: UInt32?

    @Option(
        help: "The tube. (default: default)", transform: Tube.init(argument:))
    var tube: Tube?

    @Option(parsing: .upToNextOption, help: ArgumentHelp("The jobs' numbers.", valueName: "id"))
    var job: [JobID] = []

    func validate() throws {
        guard number != 0 else { throw ValidationError("<number> is 1 or more.") }
        guard job.isEmpty || (number == nil && tube == nil) else {
            throw ValidationError("--job goes neither with --tube nor with <number>.")
        }
    }

    func run() async throws {
        try await queue.withClient { client in
            guard job.isEmpty else {
                return try await client.forEach(job) { client, id in try await client.kickJob(id) }
            }
            let count = try await client.kick(Int(number ?? 1), in: tube ?? .default)
            var output = Output()
            output.append(line: "\(count)")
            try await output.flush()
            if count == 0 { throw ExitCode.nothingThere }
        }
    }
}
