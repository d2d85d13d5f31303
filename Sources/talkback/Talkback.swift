// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackServer

@main
struct Talkback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "talkback",
        abstract: "Takes slow tasks from web pages and keeps them until a worker has done them.",
        version: TalkbackVersion.current,
        subcommands: [Serve.self, Work.self, Failed.self, Retry.self] + queueCommands
            + [Watch.self, Bench.self, Listen.self, ConnectCommand.self])

    static func main() async {
        // Before anything is opened that could get their numbers.
        StandardStreams.openThoseThatAreClosed()
        do {
            if try LauncherMode.run(CommandLine.arguments) { return }
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
