// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import TalkbackClient
import TalkbackRunner

/// Runs a command for each job of a worker.
struct JobCommand: Sendable {
    let runner: CommandRunner
    let reasons: Reasons?
    let logger: Logger

    func run(_ job: WorkerJob) async throws {
        let environment = [
            "TALKBACK_JOB_ID=\(job.id)", "TALKBACK_TUBE=\(job.tube)", "TALKBACK_ATTEMPT=\(job.attempt)",
        ]
        let end: CommandRunner.End
        do throws(RunnerError) {
            end = try await runner.run(input: job.body, environment: environment)
        } catch {
            // It is not the job's fault. Another worker can do it, or this one in a while.
            logger.error("cannot run the command", metadata: ["job": "\(job.id)", "error": "\(error)"])
            try? await Task.sleep(for: .seconds(1))
            throw JobHandedBack()
        }
        let errors = String(decoding: end.errors, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard end.status == 0 else {
            let failure = CommandFailure(status: end.status, errors: errors)
            // What was ended because the worker ends says nothing about the job.
            if !Task.isCancelled { reasons?.record(job, failure) }
            throw failure
        }
        if job.attempt > 1 { reasons?.forget(job.id) }
        if !errors.isEmpty {
            logger.info(
                "the command has written to standard error", metadata: ["job": "\(job.id)", "text": "\(errors)"])
        }
    }
}

/// A command that has not ended with status 0.
struct CommandFailure: Error, CustomStringConvertible {
    /// The exit status; the negative of the signal that has ended it.
    let status: Int32
    /// The last of what it has written to standard error.
    let errors: String

    var summary: String { status < 0 ? "ended by signal \(-status)" : "exit status \(status)" }
    var description: String { errors.isEmpty ? summary : "\(summary): \(errors)" }
}
