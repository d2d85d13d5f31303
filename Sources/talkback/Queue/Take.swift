// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TalkbackClient

struct Take: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes jobs out of a queue and prints their bodies.",
        discussion: """
            A job is reserved, printed, and deleted only when its body is written. When it cannot be written - the \
            disk is full, nobody reads the pipe - the job is released, for others. What becomes of the bytes after \
            that this command cannot know: they may still be in a pipe. When it is killed between the two, the job \
            stays in the queue.

            Bodies are printed as they are, with a line feed after each.

            EXIT STATUS:
              0   At least one job was taken.
              1   An error, which is told on standard error; the job at hand was released.
              2   There was no job within --timeout.
              64  The arguments are wrong.

            EXAMPLES:
              talkback take --tube resize
                  Waits for a job, and takes it.
              while body=$(talkback take --tube resize --timeout 60); do resize "$body"; done
                  Works on one after another, until none has come for a minute.
              talkback take --tube mail --timeout 0 --raw > letter
                  Byte for byte, if there is a job now.
              talkback take --tube resize --tube mail --count 100 --timeout 0 --null | xargs -0 -n 1 echo
                  Up to a hundred, from two tubes, with any bytes but NUL in them.
              talkback take --json | jq -r .body
                  With everything that is known of it.
            """)

    @OptionGroup var queue: QueueOptions

    @Option(
        help: ArgumentHelp("A tube to take from. May be given several times. (default: default)", valueName: "tube"),
        transform: Tube.init(argument:))
    var tube: [Tube] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Wait no longer for a job, in whole seconds; 0 takes what is there. (default: for ever)",
            valueName: "seconds"))
    var timeout: WholeSeconds?

    @Option(parsing: .unconditional, help: ArgumentHelp("How many jobs to take at most.", valueName: "number"))
    var count = 1

    @OptionGroup var bodies: BodyOptions

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count takes 1 or more.") }
    }

    func run() async throws {
        Output.reportBrokenPipes()
        try await queue.withClient { client in
            let knowledge = bodies.json ? try await ServerKnowledge(of: client) : .basics
            for number in 1...count {
                guard let job = try await reserve(with: client) else {
                    if number == 1 { throw ExitCode.nothingThere }
                    return
                }
                try await take(job, knowledge, client)
            }
        }
    }

    private func reserve(with client: Client) async throws -> ReservedJob? {
        let tubes = tube.isEmpty ? [.default] : tube
        guard let timeout else { return try await client.reserve(from: tubes) }
        return try await client.reserve(from: tubes, timeout: timeout.duration)
    }

    private func take(_ job: ReservedJob, _ knowledge: ServerKnowledge, _ client: Client) async throws {
        var output = Output()
        if bodies.json {
            output.append(try await job.record(knowledge).line)
        } else {
            output.append(bodies.text(of: job.body))
        }
        do {
            try await output.flush()
        } catch {
            do {
                let priority = try await job.statistics().priority
                // What was reserved for the last time is ready all the same: nobody has tried it.
                if try await job.release(priority: priority) == .buried { try await client.kickJob(job.id) }
            } catch let problem {
                // The end of the connection gives it back too.
                throw CleanError("\(error); job \(job.id) was printed in part or not at all, and: \(problem)")
            }
            throw CleanError("\(error); job \(job.id) was released")
        }
        try await job.delete()
    }
}
