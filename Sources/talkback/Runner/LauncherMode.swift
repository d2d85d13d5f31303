// SPDX-License-Identifier: Apache-2.0

import TalkbackRunner

/// The program as the process that starts commands for a worker: `talkback launch-for-worker PATH NAME ARGUMENT…`, which only a
/// worker calls.
enum LauncherMode {
    private static let word = "launch-for-worker"

    /// How long a process group has between SIGTERM and SIGKILL.
    static let grace: Duration = .seconds(5)

    /// This program as the launcher of a command.
    static func command(for command: Command) -> Command {
        Command(path: "/proc/self/exe", arguments: ["talkback", word, command.path] + command.arguments)
    }

    /// Is the launcher, if that is what the arguments ask for.
    ///
    /// - Returns: Whether it was.
    static func run(_ arguments: [String]) throws -> Bool {
        guard arguments.count > 3, arguments[1] == word else { return false }
        try Launcher.run(Command(path: arguments[2], arguments: Array(arguments[3...])), grace: grace)
        return true
    }
}
