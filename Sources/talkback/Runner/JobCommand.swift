// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import TalkbackClient
import TalkbackRunner

/// Runs a command for each job of a worker.
struct JobCommand: Sendable {
    let runner: CommandRunner
    let output: CommandRunner.OutputUse
    let reasons: Reasons?
    let logger: Logger

    /// - Returns: The command's standard output, if that is kept.
    func run(_ job: WorkerJob) async throws -> [UInt8] {
        let environment = [
            "TALKBACK_JOB_ID=\(job.id)", "TALKBACK_TUBE=\(job.tube)", "TALKBACK_ATTEMPT=\(job.attempt)",
            "\(ProgressLine.variable)=\(CommandRunner.progressDescriptor)",
        ]
        // Of reports that come faster than the server takes them only the newest is sent.
        let (reports, continuation) = AsyncStream.makeStream(
            of: ProgressLine.self, bufferingPolicy: .bufferingNewest(1))
        async let reporting: Void = report(reports, on: job)
        let result = await Result { () async throws in
            try await run(job, environment) { line in
                if let line = ProgressLine(line) { continuation.yield(line) }
            }
        }
        continuation.finish()
        await reporting
        let end = try result.get()
        let errors = String(decoding: end.errors, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard end.status == 0 else {
            let failure = CommandFailure(status: end.status, errors: errors)
            // What was ended because the worker ends says nothing about the job.
            if !Task.isCancelled { await withReasons { $0.record(job, failure) } }
            throw failure
        }
        guard end.outputCount <= CommandRunner.outputLimit else {
            throw JobRejected(
                "its standard output has \(end.outputCount) bytes; a result has at most \(CommandRunner.outputLimit)")
        }
        if job.attempt > 1 { await withReasons { $0.forget(job.id) } }
        if !errors.isEmpty {
            logger.info(
                "the command has written to standard error",
                metadata: ["job": "\(job.id)", "text": "\(errors.withoutControls)"])
        }
        return end.output
    }

    private func report(_ lines: AsyncStream<ProgressLine>, on job: WorkerJob) async {
        for await line in lines {
            // If the job is lost, the worker knows, and ends the command.
            try? await job.progress(line.percent, line.text)
        }
    }

    private func run(
        _ job: WorkerJob, _ environment: [String], onReport: @escaping @Sendable ([UInt8]) -> Void
    ) async throws -> CommandRunner.End {
        var pause = Duration.seconds(1)
        while true {
            do throws(RunnerError) {
                // A server that has no place for results leaves them to this program.
                return try await runner.run(
                    input: job.body, environment: environment, output: job.serverKeepsOutcomes ? output : .shared,
                    onReport: onReport)
            } catch {
                logger.error("cannot run the command", metadata: ["job": "\(job.id)", "error": "\(error)"])
                // What the system is short of may be there in a while; a worker that is to end cuts it short.
                try? await Task.sleep(for: pause)
                // Neither is the job's fault: another worker can do it, or this one in a while.
                if error == .launcherIsGone || Task.isCancelled { throw JobHandedBack() }
                pause = min(pause * 2, .seconds(30))
            }
        }
    }

    /// Files are not for the loop, which has jobs to touch, nor for Swift's pool: a disk may take its time.
    private func withReasons(_ body: @escaping @Sendable (Reasons) -> Void) async {
        guard let reasons else { return }
        try? await onOwnThread { body(reasons) }
    }
}

/// A command that has not ended with status 0.
struct CommandFailure: JobFailure, CustomStringConvertible {
    /// The exit status; the negative of the signal that has ended it.
    let status: Int32
    /// The last of what it has written to standard error.
    let errors: String

    /// What those who wait for the job are told.
    var reason: String { errors.isEmpty ? summary : status < 0 ? "\(summary): \(errors)" : errors }
    var summary: String { status < 0 ? "ended by signal \(-status)" : "exit status \(status)" }
    var description: String { errors.isEmpty ? summary : "\(summary): \(errors.withoutControls)" }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}

extension StringProtocol {
    /// The text with what would move a terminal's cursor, or begin a line of its own, in a form that can be read.
    var withoutControls: String {
        var text = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\n": text += "\\n"
            case "\t": text += "\t"
            case _ where scalar.properties.generalCategory == .control:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
