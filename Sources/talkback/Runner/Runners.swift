// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Logging
import Sockets
import TalkbackClient
import TalkbackRunner

/// The workers of `serve --run`: a process each, `talkback work`, so that nothing that happens in one is the daemon's
/// trouble.
final class Runners: Sendable {
    private let supervisors: [(run: RunArgument, supervisor: Supervisor)]
    private let logger: Logger
    private let tasks: [Task<Void, Never>]

    /// Starts them.
    ///
    /// - Parameters:
    ///   - runs: What to run for which tubes.
    ///   - retries: What becomes of jobs whose command fails.
    ///   - address: Where the daemon listens.
    ///   - descriptorLimit: What the daemon was allowed, and the commands are.
    /// - Throws: `CommandError` if a program is not there.
    init(
        _ runs: [RunArgument], _ retries: RetryOptions, at address: SocketAddress, descriptorLimit: Int,
        on loop: EventLoop, logger: Logger
    ) throws {
        self.logger = logger
        supervisors = try runs.map { run in
            // Said now, and not by a worker that is started again and again.
            _ = try Command(finding: run.words, in: retries.directory?.path)
            let arguments =
                ["talkback", "work", "--end-with-input", "--address", "\(address.reachableHere)"]
                + ["--tube", "\(run.tube)", "--concurrency", "\(run.concurrency)"]
                + ["--descriptor-limit", "\(descriptorLimit)", "--log-level", logger.logLevel.rawValue]
                + retries.arguments + ["--"] + run.words
            return (run, Supervisor(Command(path: "/proc/self/exe", arguments: arguments), on: loop))
        }
        tasks = supervisors.map { run, supervisor in
            Task { await supervisor.run { event in Self.log(event, run, logger) } }
        }
    }

    private static func log(_ event: Supervisor.Event, _ run: RunArgument, _ logger: Logger) {
        let metadata: Logger.Metadata = ["run": "\(run)"]
        switch event {
        case .started(let process):
            logger.debug("a worker was started", metadata: metadata.merging(["process": "\(process)"]) { $1 })
        case .ended(let status):
            let end = status < 0 ? "signal \(-status)" : "status \(status)"
            logger.error(
                "a worker was lost and is started again", metadata: metadata.merging(["end": "\(end)"]) { $1 })
        case .failed(let error):
            logger.error("a worker cannot be started", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
    }

    /// Asks the workers to take no more jobs, or, the second time, to hand back those they have.
    func stop() async {
        for (_, supervisor) in supervisors { await supervisor.stop() }
    }

    /// Returns when all have ended.
    func waitUntilStopped() async {
        for task in tasks { await task.value }
    }
}
