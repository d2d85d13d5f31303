// SPDX-License-Identifier: Apache-2.0

import TalkbackRunner

/// The program as the process that starts commands for a worker: `talkback launch-for-worker DESCRIPTORS PATH NAME
/// ARGUMENT…`, which only a
/// worker calls.
enum LauncherMode {
    private static let word = "launch-for-worker"

    /// How long a process group has between SIGTERM and SIGKILL.
    static let grace: Duration = .seconds(5)

    /// This program as the launcher of a command.
    ///
    /// - Parameter descriptorLimit: As many descriptors as the command is to be allowed.
    static func command(for command: Command, descriptorLimit: Int) -> Command {
        let arguments = ["talkback", word, "\(descriptorLimit)", command.path] + command.arguments
        return Command(path: "/proc/self/exe", arguments: arguments)
    }

    /// Is the launcher, if that is what the arguments ask for.
    ///
    /// - Returns: Whether it was.
    static func run(_ arguments: [String]) throws -> Bool {
        guard arguments.count > 4, arguments[1] == word, let limit = Int(arguments[2]) else { return false }
        Rights.setDescriptorLimit(limit)
        try Launcher.run(Command(path: arguments[3], arguments: Array(arguments[4...])), grace: grace)
        return true
    }
}
