// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackServer

struct Talkback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "talkback",
        abstract: "Takes slow tasks from web pages and keeps them until a worker has done them.",
        version: TalkbackVersion.current,
        subcommands: [Serve.self, Work.self, Failed.self, Retry.self] + queueCommands
            + [Watch.self, Bench.self, Listen.self, ConnectCommand.self])
}
