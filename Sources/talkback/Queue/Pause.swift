// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lets no worker reserve from a tube for a time.",
        discussion: """
            Jobs can be put all the while, and workers finish those that they have. A tube exists while it has jobs or \
            somebody uses it or watches it.

            EXIT STATUS:
              0   The tube is paused, or no longer.
              1   An error, which is told on standard error.
              2   There is no such tube.
              64  The arguments are wrong.

            EXAMPLES:
              talkback pause resize 600
                  For ten minutes.
              talkback pause resize 0
                  No longer.
            """)

    @OptionGroup var queue: QueueOptions

    @Argument(help: "The tube.", transform: Tube.init(argument:))
    var tube: Tube

    @Argument(help: "For how long, in whole seconds; 0 ends the pause.")
    var seconds: WholeSeconds

    func run() async throws {
        try await queue.withClient { client in try await client.pause(tube, for: seconds.duration) }
    }
}
