// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deletes jobs.",
        discussion: """
            A job can be deleted while it is ready, delayed or buried, in whatever tube it is. A job that a worker has \
            reserved is the worker's, and is not found.

            EXIT STATUS:
              0   All were deleted.
              1   An error, which is told on standard error.
              2   Some were not found; the others were deleted.
              64  The arguments are wrong.

            EXAMPLES:
              talkback delete 7
              talkback delete $(cat ids)
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The jobs' numbers.")
    var id: [JobID]

    func run() async throws {
        try await queue.withClient { client in
            try await client.forEach(id) { client, id in try await client.delete(id) }
        }
    }
}
