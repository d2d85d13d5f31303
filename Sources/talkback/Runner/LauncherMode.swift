// SPDX-License-Identifier: Apache-2.0

import TalkbackRunner

/// The program as the process that starts commands for a worker: `talkback launch-for-worker DESCRIPTORS FOLDER
/// PATH NAME ARGUMENT…`, which only a worker calls. No folder is an empty one.
enum LauncherMode {
    private static let word = "launch-for-worker"

    /// How long a process group has between SIGTERM and SIGKILL.
    static let grace: Duration = .seconds(5)

    /// This program as the launcher of a command.
    ///
    /// - Parameter descriptorLimit: As many descriptors as the command is to be allowed.
    static func command(for command: Command, descriptorLimit: Int) -> Command {
        let arguments =
            ["talkback", word, "\(descriptorLimit)", command.directory ?? "", command.path] + command.arguments
        // Where the commands have a folder of their own, the launcher does not hold on to the one that it was started
        // in, which may be an old release.
        return Command(
            path: "/proc/self/exe", arguments: arguments, directory: command.directory == nil ? nil : "/")
    }

    /// Is the launcher, if that is what the arguments ask for.
    ///
    /// - Returns: Whether it was.
    static func run(_ arguments: [String]) throws -> Bool {
        guard arguments.count > 5, arguments[1] == word, let limit = Int(arguments[2]) else { return false }
        Rights.setDescriptorLimit(limit)
        let command = Command(
            path: arguments[4], arguments: Array(arguments[5...]),
            directory: arguments[3].isEmpty ? nil : arguments[3])
        try Launcher.run(command, grace: grace)
        return true
    }
}
