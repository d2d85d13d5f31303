// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

/// The pauses between attempts, in an argument: `FIRST[:LONGEST[:FACTOR]]`, in seconds.
struct BackoffArgument: ExpressibleByArgument, CustomStringConvertible {
    let backoff: Backoff
    let description: String

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard (1...3).contains(parts.count), let first = parts[0], Self.isTime(first) else { return nil }
        let longest = parts.count > 1 ? parts[1] : max(first, 3600)
        let factor = parts.count > 2 ? parts[2] : 3
        guard let longest, Self.isTime(longest), longest >= first, let factor, factor >= 1, factor.isFinite else {
            return nil
        }
        backoff = Backoff(first: .seconds(first), longest: .seconds(longest), factor: factor)
        description = argument
    }

    private static func isTime(_ seconds: Double) -> Bool { (0...4_294_967_295).contains(seconds) }
}

/// What becomes of commands and their jobs, for `work` and for `serve --run`.
struct RetryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("How often a job is tried before it is buried.", valueName: "number"))
    var attempts = 5

    @Option(
        help: ArgumentHelp(
            """
            How long a failed job waits, in seconds: the first time, at most, and how many times as long each time as \
            the time before. Chance makes each pause shorter, by up to a half. (default: 5:3600:3)
            """,
            valueName: "first[:longest[:factor]]"))
    var backoff: BackoffArgument?

    @Option(
        help: ArgumentHelp(
            """
            End a command after so many seconds: its process group gets SIGTERM and, 5 seconds later, what is left of \
            it SIGKILL. The attempt has failed then. (default: never)
            """,
            valueName: "seconds"))
    var timeout: Seconds?

    @Option(
        help: ArgumentHelp(
            "What becomes of the command's standard output: result, or inherit, which makes it this program's own.",
            valueName: "use"))
    var output = OutputArgument.result

    @Option(
        help: ArgumentHelp(
            "Exit statuses of a job that no further attempt would help: it is buried at once. (default: 65)",
            valueName: "status[,status ...]|none"))
    var buryStatus: StatusesArgument?

    @Option(
        help: ArgumentHelp(
            """
            Exit statuses of a job that is to be tried again for no fault of anyone: it uses up an attempt, and is no \
            error in the log. (default: 75)
            """,
            valueName: "status[,status ...]|none"))
    var retryStatus: StatusesArgument?

    @Option(
        help: ArgumentHelp(
            """
            The folder that each command starts in, looked up each time: behind a symbolic link that a deploy moves it \
            is the current release. Relative names of the command and of its arguments begin there. (default: this \
            program's own)
            """,
            valueName: "folder"))
    var directory: DirectoryArgument?

    func validate() throws {
        guard attempts > 0 else { throw ValidationError("--attempts takes 1 or more.") }
        _ = try statusRules()
    }

    func statusRules() throws -> StatusRules { try StatusRules(bury: buryStatus, retry: retryStatus) }

    /// As the arguments of another `talkback`.
    var arguments: [String] {
        ["--attempts", "\(attempts)"] + (backoff.map { ["--backoff", "\($0)"] } ?? [])
            + (timeout.map { ["--timeout", "\($0)"] } ?? []) + ["--output", output.rawValue]
            + (buryStatus.map { ["--bury-status", "\($0)"] } ?? [])
            + (retryStatus.map { ["--retry-status", "\($0)"] } ?? [])
            + (directory.map { ["--directory", "\($0)"] } ?? [])
    }

    func workerOptions(tubes: [Tube], concurrency: Int, grace: Duration) -> WorkerOptions {
        var options = WorkerOptions(
            tubes: tubes, concurrency: concurrency, attempts: attempts, timeLimit: timeout?.duration, grace: grace)
        if let backoff { options.backoff = backoff.backoff }
        return options
    }
}
