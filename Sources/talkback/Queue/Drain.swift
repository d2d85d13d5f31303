// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Empties a tube into a file, from which load puts the jobs back.",
        discussion: """
            Every job of the tube is written as a JSON object on a line, and then deleted: the ready ones, in their \
            order, the delayed and the buried ones, and what comes meanwhile; of a paused tube too. Jobs that workers \
            have reserved are left to them, and counted.

            A line has id, tube, state (ready, delayed or buried), priority, delay (seconds left until the job is \
            ready), time_to_run, and body, or base64 if the body is not UTF-8. From a Talkback server it also has what \
            the job was told, as far as it was: key, key_seconds, keep, attempts, backoff, backoff_longest and lease; \
            how often it was tried since it was put or kicked, which is tried; reserves, timeouts, releases, buries \
            and kicks, which count all that has happened to it; and reason, or reason_base64, which says why the last \
            attempt has failed. What is not there is 0, or was not said.

            Lines are appended to the file. A job is deleted only when its line is on disk. After a crash in the \
            middle a job may be both in the file and in the queue, never in neither; its lines have the same id then. \
            Drain again into the same file: a line that was not finished is cut off, and its job is still in the \
            queue. Up to 128 delayed and buried jobs, which were being taken, are ready after a crash, and of a job \
            that was being taken an attempt is used up; if it was the last, the job is buried. Of standard output \
            nothing is known but that it has taken the line, unless it is a file.

            Delays are in whole seconds, so that jobs of the same second may change places.

            SIGINT and SIGTERM end it with what is in the file deleted, and the rest in the queue.

            EXIT STATUS:
              0   The jobs were drained.
              1   An error, which is told on standard error.
              2   There is no such tube, or no job in it that could be drained.
              64  The arguments are wrong.

            EXAMPLES:
              talkback drain resize --to resize.jsonl
              talkback drain mail --to mail.jsonl --address old:11300 &&
              talkback load mail.jsonl --address new:11300
                  Moves a queue to another server, from or to beanstalkd too.
              talkback drain resize | jq -r .body
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The tube.", transform: Tube.init(argument:))
    var tube: Tube

    @Option(
        help: ArgumentHelp(
            "The file, which is made if there is none, for its owner only. (default: standard output)",
            valueName: "path"))
    var to: String?

    func run() async throws {
        Output.reportBrokenPipes()
        try await queue.withClient { client in
            let statistics = try await client.statistics(of: tube)
            let file = try DrainFile(to)
            if file.cutCount > 0 {
                StandardStreams.complain("\(file.name): the last line was not finished, and is cut off")
            }
            let draining = Draining(
                of: tube, to: file, about: statistics.ready + statistics.delayed + statistics.buried,
                try await ServerKnowledge(of: client))
            try await draining.run(on: client)
        }
    }
}
