// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TalkbackServer

@main
struct Talkback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "talkback",
        abstract: "Takes slow tasks from web pages and keeps them until a worker has done them.",
        version: TalkbackVersion.current,
        subcommands: [Serve.self, Listen.self, ConnectCommand.self] + queueCommands)

    static func main() async {
        do {
            let arguments = try BeanstalkdArguments.translated(CommandLine.arguments)
            var command = try parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }
}
