// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Bury: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sets jobs aside, so that no worker gets them.",
        discussion: """
            A buried job stays in its tube until it is kicked or deleted. A job that is ready or delayed can be \
            buried, in whatever tube it is; for that it is reserved for a moment. It keeps its priority. A job that a \
            worker has reserved is the worker's, and is not found.

            EXIT STATUS:
              0   All were buried.
              1   An error, which is told on standard error.
              2   Some were not found; the others were buried.
              64  The arguments are wrong.

            EXAMPLES:
              talkback bury 7
              talkback bury 7 && talkback stats --job 7 && talkback kick --job 7
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The jobs' numbers.")
    var id: [JobID]

    func run() async throws {
        try await queue.withClient { client in
            try await client.forEach(id) { client, id in
                let job: ReservedJob
                do throws(ClientError) {
                    job = try await client.reserveJob(id)
                } catch {
                    // It is reserved only to be buried.
                    guard error.reason == .notFound else { throw error }
                    throw NothingThere("bury job \(id): \(error.explanation)")
                }
                try await job.bury(priority: try await job.statistics().priority)
            }
        }
    }
}
