// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancels jobs.",
        discussion: """
            A job that is waiting or delayed is gone at once. Of one that is running the worker is told, and "talkback \
            work" ends its command.

            EXIT STATUS:
              0   None of them will run any more.
              1   An error, which is told on standard error.
              2   Some were not found, or had ended; the others are cancelled.
              64  The arguments are wrong.

            EXAMPLE:
              talkback cancel 7
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The jobs' numbers.")
    var id: [JobID]

    func run() async throws {
        try await queue.withClient { client in
            var isOneLeft = false
            for id in id {
                do throws(ClientError) {
                    guard try await client.cancel(id) == .tooLate else { continue }
                    StandardStreams.complain("Error: cancel job \(id): it has ended")
                } catch {
                    guard error.reason == .notFound else { throw error }
                    StandardStreams.complain("Error: \(error)")
                }
                isOneLeft = true
            }
            if isOneLeft { throw ExitCode.nothingThere }
        }
    }
}
