// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackServer

@main
struct Talkback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "talkback",
        abstract: "Takes slow tasks from web pages and keeps them until a worker has done them.",
        version: TalkbackVersion.current,
        subcommands: [Serve.self])
}
