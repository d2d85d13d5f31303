// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import Logging
internal import Metrics

/// One of the places in which a worker works: one job at a time.
struct Slot {
    let worker: Worker
    let client: Client

    private var options: WorkerOptions { worker.options }

    /// Takes one job after another until the client reserves no more, or the task is cancelled.
    func run() async {
        var failures = 0
        while !Task.isCancelled, !worker.isStopping {
            do throws(ClientError) {
                let job = try await client.reserveAlone(from: options.tubes)
                try await work(on: job)
                failures = 0
            } catch {
                switch error.reason {
                case .closed, .cancelled, .invalid: return
                default: break
                }
                failures += 1
                worker.logger.warning("cannot take a job", metadata: ["error": "\(error)"])
                try? await client.loop.sleep(for: Client.reconnecting.randomPause(after: failures))
            }
        }
    }

    private func work(on reserved: ReservedJob) async throws(ClientError) {
        // Asked once a connection, and before anything else: what comes next may be asked together.
        let serverKeepsOutcomes = await reserved.knowsOutcomes
        async let known = status(of: reserved, if: serverKeepsOutcomes)
        let statistics = try await reserved.statistics()
        let status = try await known.get()
        var logger = worker.logger
        logger[metadataKey: "job"] = "\(reserved.id)"
        let reporter = JobReporter(reserved, on: client.loop)
        let job = WorkerJob(
            reserved.job, statistics.tube, attempt: max(1, status?.attempt ?? statistics.reserves),
            serverKeepsOutcomes: serverKeepsOutcomes, reporter)
        logger[metadataKey: "tube"] = "\(job.tube)"
        logger[metadataKey: "attempt"] = "\(job.attempt)"
        guard !isUsedUp(statistics, status) else {
            // Whoever works on it dies of it, or hands it back; there is no failure to count.
            let reason = statistics.wasLost ? "the worker was lost" : "released with no attempts left"
            if status == nil {
                try await reserved.bury(priority: statistics.priority)
            } else {
                try await reserved.fail(reason, retry: .never)
            }
            logger.error("buried untried: its attempts are used up", metadata: ["reason": "\(reason)"])
            count(.buried, job)
            return
        }
        let start = ContinuousClock.now
        var interval = max(statistics.timeToRun / 3, .milliseconds(100))
        // That a job is cancelled is learnt by touching it.
        if job.serverKeepsOutcomes { interval = min(interval, max(options.cancellationCheck, .milliseconds(10))) }
        let end = await handle(job, reporter, every: interval)
        let duration = start.duration(to: .now)
        // Its end is told to the server even if this worker is to end at once.
        let outcome = await Task(executorPreference: client.loop) { [logger] in
            await settle(job, reserved, statistics.priority, end, logger)
        }.value
        count(outcome, job)
        Timer(label: "talkback_worker_job_duration", dimensions: [("tube", "\(job.tube)")]).record(duration: duration)
    }

    /// What the server knows of a job; `nil` where that is not more than beanstalkd's statistics.
    private func status(
        of reserved: ReservedJob, if serverKeepsOutcomes: Bool
    ) async -> Result<JobStatus?, ClientError> {
        guard serverKeepsOutcomes else { return .success(nil) }
        do throws(ClientError) {
            return .success(try await reserved.status())
        } catch {
            return .failure(error)
        }
    }

    /// Whether the job was reserved more often than it may be tried.
    private func isUsedUp(_ statistics: JobStatistics, _ status: JobStatus?) -> Bool {
        let attempts = max(1, options.attempts)
        guard let status else { return statistics.isUsedUp(after: attempts) }
        // A server that counts them knows when it is enough; of what was kicked, what came before counts no more.
        return status.attempts == nil && status.attempt > attempts
    }

    private func count(_ outcome: WorkerOutcome, _ job: WorkerJob) {
        Counter(
            label: "talkback_worker_jobs", dimensions: [("tube", "\(job.tube)"), ("outcome", outcome.rawValue)]
        ).increment()
    }

    // MARK: Working

    /// How a handler has ended, and what has ended it.
    private struct End: Sendable {
        var result: Result<[UInt8], any Error>
        /// The job is another's, or nobody's.
        var loss: ClientError?
        var isOverTime = false
        /// The worker is to end, and has cancelled it.
        var isStopped = false
    }

    /// Runs the handler, touching the job meanwhile.
    private func handle(_ job: WorkerJob, _ reporter: JobReporter, every interval: Duration) async -> End {
        let handler = worker.handler
        let work = Task(executorPreference: worker.handlerExecutor) { try await handler(job) }
        let toucher = Task(executorPreference: client.loop) {
            await reporter.begin(work)
            await reporter.touch(every: interval)
        }
        let timer = options.timeLimit.map { limit in
            Task(executorPreference: client.loop) { [client] in
                do {
                    try await client.loop.sleep(for: limit)
                } catch {
                    return false
                }
                work.cancel()
                return true
            }
        }
        let result = await withTaskCancellationHandler {
            await work.result
        } onCancel: {
            work.cancel()
        }
        toucher.cancel()
        timer?.cancel()
        await toucher.value
        return End(
            result: result, loss: await reporter.loss, isOverTime: await timer?.value ?? false,
            isStopped: Task.isCancelled)
    }

    // MARK: The end of a job

    private func settle(
        _ job: WorkerJob, _ reserved: ReservedJob, _ priority: Priority, _ end: End, _ logger: Logger
    ) async -> WorkerOutcome {
        var logger = logger
        if let loss = end.loss { return lost(loss, logger) }
        do throws(ClientError) {
            switch end.result {
            case .success(let result):
                guard !job.serverKeepsOutcomes || result.count <= ReservedJob.maximumResultSize else {
                    // Another attempt would come to the same.
                    let reason =
                        "the result has \(result.count) bytes; \(ReservedJob.maximumResultSize) are the most"
                    logger[metadataKey: "reason"] = "\(reason)"
                    return try await fail(job, reserved, priority, Array(reason.utf8), .permanent, logger)
                }
                try await finish(job, reserved, result)
                logger.debug("done")
                return .done
            case .failure(let error):
                let failure = error as? any JobFailure
                var kind = failure?.kind ?? .ordinary
                if error is JobHandedBack || (end.isStopped && kind != .permanent) {
                    guard try await reserved.release(priority: priority) == .released else {
                        logger.error("handed back for the last time: its attempts are used up")
                        return .buried
                    }
                    logger.notice("handed back")
                    return .handedBack
                }
                logger[metadataKey: "reason"] = "\(error)"
                var reason = failure?.reasonBytes ?? Array("\(error)".utf8)
                if end.isOverTime {
                    let limit = "over the time limit of \(options.timeLimit ?? .zero): "
                    // Its end is kept, and with it this.
                    reason = limit.utf8 + reason.tail(3000)
                    logger[metadataKey: "reason"] = "\(limit)\(error)"
                    // That it took too long is not as it should be, whatever it has said when it was ended.
                    if kind == .temporary { kind = .ordinary }
                }
                return try await fail(job, reserved, priority, reason, kind, logger)
            }
        } catch {
            if error.reason == .jobCancelled { return lost(error, logger) }
            // Another worker gets it, whatever became of it here.
            logger.warning("the end of a job could not be told to the server", metadata: ["error": "\(error)"])
            return .lost
        }
    }
    private func lost(_ loss: ClientError, _ logger: Logger) -> WorkerOutcome {
        if loss.reason == .jobCancelled {
            logger.notice("cancelled")
            return .cancelled
        }
        logger.warning("a job was lost while it was worked on", metadata: ["error": "\(loss)"])
        return .lost
    }

    private func finish(
        _ job: WorkerJob, _ reserved: ReservedJob, _ result: [UInt8]
    ) async throws(ClientError) {
        guard job.serverKeepsOutcomes else { return try await reserved.delete() }
        var failures = 0
        while true {
            do throws(ClientError) {
                return try await reserved.finish(result)
            } catch {
                // The work is done, and there may be room for what came of it in a while.
                failures += 1
                guard error.reason == .outOfMemory else { throw error }
                guard failures < 10 else {
                    // Not at once again: there is no room still.
                    let pause = options.backoff.randomPause(after: job.attempt)
                    try await reserved.fail("\(error)", retry: .after(pause, attempts: max(1, options.attempts)))
                    throw error
                }
                try? await client.loop.sleep(for: Client.reconnecting.randomPause(after: failures))
                try await reserved.touch()
            }
        }
    }

    private func fail(
        _ job: WorkerJob, _ reserved: ReservedJob, _ priority: Priority, _ reason: [UInt8], _ kind: JobFailureKind,
        _ logger: Logger
    ) async throws(ClientError) -> WorkerOutcome {
        let pause = options.backoff.randomPause(after: job.attempt)
        let place: Returned
        if job.serverKeepsOutcomes {
            place = try await reserved.fail(
                reason, retry: kind == .permanent ? .never : .after(pause, attempts: max(1, options.attempts)))
        } else if kind == .permanent || job.attempt >= max(1, options.attempts) {
            try await reserved.bury(priority: priority)
            place = .buried
        } else {
            place = try await reserved.release(priority: priority, delay: pause)
        }
        guard place == .released else {
            logger.error("failed for good")
            return .buried
        }
        // A job with a backoff of its own knows better.
        let next: Logger.Metadata = ["next attempt in": "\(pause.wholeSeconds) s"]
        if kind == .temporary {
            logger.info("postponed", metadata: next)
        } else {
            logger.warning("failed", metadata: next)
        }
        return .retried
    }
}
