// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import Foundation
import Logging
import Sockets
import Synchronization
import SystemPackage
import TalkbackClient
import TalkbackRunner

struct Work: LongRunningCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a command for each job.",
        usage: """
            talkback work [--tube <name> ...] [--concurrency <number>] [--attempts <number>] [--timeout <seconds>] \
            [--backoff <first[:longest[:factor]]>] [--grace <seconds>] [--output <use>] [--bury-status <list>] \
            [--retry-status <list>] [--directory <folder>] [--address <address>] \
            -- <command> [<argument> ...]
            """,
        discussion: """
            The command gets the job's body on standard input, as a file that it need not read, and these variables: \
            TALKBACK_JOB_ID, TALKBACK_TUBE, and TALKBACK_ATTEMPT, which is 1 the first time. With exit status 0 the \
            job is done, and deleted. Any other status, or a signal, is a failure: the job is tried again after a \
            pause, and buried after the last attempt. "talkback failed" shows what was buried and why, and "talkback \
            retry" has it tried again. Two statuses, those of sysexits.h, mean more: with 65 (EX_DATAERR) the job is \
            buried at once, as no further attempt would help; with 75 (EX_TEMPFAIL) it is tried again as ever, but \
            that is no error in the log. --bury-status and --retry-status name others. A job that was reserved more \
            often than it may be tried, as its workers have died of it, is buried untried.

            While the command runs, the job is touched, so that the job's own time to run says how soon others get it \
            when this program is gone, and not how long the command may take. If the job is lost all the same, the \
            command is ended.

            The command's standard output is the job's result, at most 1 MiB; with more the job is buried. Who \
            submitted the job can ask for it: see "talkback submit --help". Of its standard error the last 8192 bytes \
            are kept: they are the reason of a failure, in the log, and for who submitted the job. Where it has \
            written nothing there, the end of its standard output is: PHP's own errors go there unless display_errors \
            is stderr. How far the command is, it can write to the descriptor that TALKBACK_PROGRESS_FD names, in \
            lines like "42% size 3 of 7"; or it runs "talkback progress 42 size 3 of 7". When somebody cancels the \
            job, the command is ended. (On beanstalkd, which has no place for results, standard output is this \
            program's own.) What the command leaves behind when it ends finds these three closed. Each command is a \
            process group of its own, which ends, whatever it does, when this program is gone.

            SIGTERM, SIGINT or SIGQUIT: no more jobs are taken, the commands that run go on to their end, and then the \
            program ends with status 0. A second one ends the commands, and hands their jobs back; that attempt \
            counts. SIGHUP, SIGUSR1 and SIGUSR2 do nothing. While the server is not to be reached, the program waits \
            for it.

            The log is written to standard error, and no job waits for who reads it: lines that cannot be written are \
            dropped, and their number is logged once there is room again.

            EXAMPLES:
              talkback work --tube resize --concurrency 4 -- php -d display_errors=stderr tasks/resize.php
                  Four at a time.
              talkback work --tube mail --attempts 10 --backoff 60:86400 -- ./send
                  Mails that cannot be sent are tried again after a minute,
                  three minutes, nine, ... and at most a day.
              talkback work --tube report -- sh -c 'echo 50% halfway >&$TALKBACK_PROGRESS_FD; wc -l'
                  What it prints is the result.
              talkback work --directory /srv/app/current -- php tasks/resize.php
                  Each task runs the release that the link "current" names then.
              talkback work --tube log -- sh -c 'cat >> all.log'
                  Needs no program.
            """)

    @OptionGroup var server: ServerOption

    @Option(
        help: ArgumentHelp(
            "A tube to take jobs from; may be given several times. (default: default)", valueName: "name"),
        transform: TubeArgument.init(checking:))
    var tube: [TubeArgument] = [TubeArgument(.default)]

    @Option(help: ArgumentHelp("How many commands run at a time.", valueName: "number"))
    var concurrency = 1

    @OptionGroup var retries: RetryOptions

    @Option(
        help: ArgumentHelp(
            """
            How long commands may go on after the first SIGTERM; then it is as with a second one. (default: as long as \
            they like)
            """,
            valueName: "seconds"))
    var grace: Seconds?

    @Option(
        help: ArgumentHelp(
            """
            Where to keep the reasons of failures for "talkback failed". (default: talkback/failures in \
            $XDG_STATE_HOME or in ~/.local/state)
            """,
            valueName: "folder"))
    var failures: String?

    @Option(help: "The least that is logged.")
    var logLevel = LogLevel(.info)

    /// The daemon starts it so: when the daemon is gone, its end of standard input is closed.
    @Flag(help: .hidden) var endWithInput = false

    /// As many descriptors as the commands are to be allowed, where this program was allowed more.
    @Option(help: .hidden) var descriptorLimit: Int?

    @Argument(parsing: .postTerminator, help: "The command and its arguments, which come after --.")
    var command: [String]

    func validate() throws {
        guard (1...10_000).contains(concurrency) else { throw ValidationError("--concurrency takes 1 to 10000.") }
        guard !command.isEmpty else { throw ValidationError("There is no command after --.") }
    }

    func prepare() throws -> @Sendable () async throws -> Void {
        { try await work() }
    }

    private func work() async throws {
        let logger = Log.logger("talkback.work", logLevel)
        let command = try TalkbackRunner.Command(finding: command, in: retries.directory?.path)
        let loop = try EventLoop()
        let launcher = LauncherMode.command(
            for: command, descriptorLimit: descriptorLimit ?? Rights.descriptorLimit)
        // Each command takes a few; those that it has itself are as many as it was allowed.
        Rights.raiseDescriptorLimit()
        let runner = CommandRunner(launcher: launcher, on: loop)
        let address = server.address
        let job = JobCommand(
            command: command, runner: runner, rules: try retries.statusRules(), output: retries.output.use,
            reasons: Reasons(for: address, in: failures), logger: logger)
        let options = retries.workerOptions(
            tubes: tube.map(\.tube), concurrency: concurrency,
            grace: grace?.duration ?? .seconds(100 * 365 * 86_400))
        let worker = Worker.returningResults(
            options, at: address, on: loop, handlerExecutor: loop, logger: logger
        ) { try await job.run($0) }
        let stop = StopRequests(worker, logger)
        let signals = Signals(stopping: stop.signalCame)
        if endWithInput { Self.whenInputEnds { worker.stopNow() } }
        try await worker.run()
        withExtendedLifetime(signals) {}
    }

    private static func whenInputEnds(_ action: @escaping @Sendable () -> Void) {
        Thread.detachNewThread {
            // Nothing comes but the end.
            while true {
                var entries = [PollEntry(.standardInput, .readable)]
                _ = try? Socket.poll(&entries, timeout: nil)
                if !entries[0].returnedEvents.isEmpty { return action() }
            }
        }
    }
}

/// The value of `--output`.
enum OutputArgument: String, ExpressibleByArgument, CaseIterable {
    case result, inherit

    var use: CommandRunner.OutputUse { self == .result ? .kept : .shared }
}

/// What a signal to stop does.
private final class StopRequests: Sendable {
    private let worker: Worker
    private let logger: Logger
    private let isStopping = Atomic(false)

    init(_ worker: Worker, _ logger: Logger) {
        self.worker = worker
        self.logger = logger
    }

    @Sendable
    func signalCame() {
        if isStopping.exchange(true, ordering: .sequentiallyConsistent) {
            logger.notice("stopping: the commands that run are ended, and their jobs handed back")
            worker.stopNow()
        } else {
            // First, as a worker that has no job ends the process at once.
            logger.notice("stopping: the commands that run are waited for")
            worker.stop()
        }
    }
}
