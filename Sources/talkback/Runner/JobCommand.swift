// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import SystemPackage
import TalkbackClient
import TalkbackRunner

/// Runs a command for each job of a worker.
struct JobCommand: Sendable {
    let command: Command
    let runner: CommandRunner
    let rules: StatusRules
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
        let end: CommandRunner.End
        do {
            end = try result.get()
            if end.status != 0 {
                throw CommandFailure(
                    end, isOutputKept: output(of: job) == .kept, kind: rules.kind(of: end.status))
            }
        } catch let failure as CommandFailure {
            // What was ended because the worker ends says nothing about the job.
            if !Task.isCancelled { await withReasons { $0.record(job, failure) } }
            throw failure
        }
        guard end.outputCount <= CommandRunner.outputLimit else {
            throw JobRejected(
                "its standard output has \(end.outputCount) bytes; a result has at most \(CommandRunner.outputLimit)")
        }
        if job.attempt > 1 { await withReasons { $0.forget(job.id) } }
        let errors = end.errors.lastLines(isCut: end.errorCount > end.errors.count)
        if !errors.isEmpty {
            let text = String(decoding: errors, as: UTF8.self).withoutControls
            logger.info(
                "the command has written to standard error", metadata: ["job": "\(job.id)", "text": "\(text)"])
        }
        return end.output
    }

    /// A server that has no place for results leaves them to this program.
    private func output(of job: WorkerJob) -> CommandRunner.OutputUse { job.serverKeepsOutcomes ? output : .shared }

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
                return try await runner.run(
                    input: job.body, environment: environment, output: output(of: job), onReport: onReport)
            } catch {
                logger.error("cannot run the command", metadata: ["job": "\(job.id)", "error": "\(error)"])
                // What is not there may be about to be exchanged for a newer one, but not for long.
                if pause > .seconds(1), let reason = absence(error) { throw CommandFailure(notStarted: reason) }
                // What the system is short of may be there in a while; a worker that is to end cuts it short.
                try? await Task.sleep(for: pause)
                // Neither is the job's fault: another worker can do it, or this one in a while.
                if error == .launcherIsGone || Task.isCancelled { throw JobHandedBack() }
                pause = min(pause * 2, .seconds(30))
            }
        }
    }

    /// What is to be said of a command that cannot be started as it is not there, or not in its folder, or no program.
    private func absence(_ error: RunnerError) -> String? {
        guard case .system("start the command", let errno) = error, Self.absences.contains(errno) else { return nil }
        do throws(CommandError) {
            let words = command.arguments
            _ = try Command(finding: [command.path] + words.dropFirst(), in: command.directory)
        } catch {
            return "\(error)"
        }
        // As the interpreter that its first line names.
        return "start \(command.path): \(errno), it or something that it needs"
    }

    private static let absences: [Errno] = [
        .noSuchFileOrDirectory, .notDirectory, .permissionDenied, .notPermitted, .execFormatError,
        .tooManySymbolicLinkLevels,
    ]

    /// Files are not for the loop, which has jobs to touch, nor for Swift's pool: a disk may take its time.
    private func withReasons(_ body: @escaping @Sendable (Reasons) -> Void) async {
        guard let reasons else { return }
        try? await onOwnThread { body(reasons) }
    }
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
            // What turns the direction of the rest around, or ends a line for some: it makes one read what is not
            // there.
            case "\u{2028}", "\u{2029}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
