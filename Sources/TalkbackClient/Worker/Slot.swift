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
        let statistics = try await reserved.statistics()
        var logger = worker.logger
        logger[metadataKey: "job"] = "\(reserved.id)"
        let job = WorkerJob(job: reserved.job, tube: statistics.tube, attempt: max(1, statistics.reserves))
        logger[metadataKey: "tube"] = "\(job.tube)"
        logger[metadataKey: "attempt"] = "\(job.attempt)"
        guard statistics.losses < max(1, options.attempts) else {
            // Whoever works on it is killed, or forgets it; there is no failure to count.
            try await reserved.bury(priority: statistics.priority)
            logger.error("buried: its workers were lost too often", metadata: ["losses": "\(statistics.losses)"])
            count(.buried, job)
            return
        }
        let start = ContinuousClock.now
        let end = await handle(job, reserved, every: max(statistics.timeToRun / 3, .milliseconds(100)))
        let duration = start.duration(to: .now)
        // Its end is told to the server even if this worker is to end at once.
        let outcome = await Task(executorPreference: client.loop) { [logger] in
            await settle(job, reserved, statistics.priority, end, logger)
        }.value
        count(outcome, job)
        Timer(label: "talkback_worker_job_duration", dimensions: [("tube", "\(job.tube)")]).record(duration: duration)
    }

    private func count(_ outcome: WorkerOutcome, _ job: WorkerJob) {
        Counter(
            label: "talkback_worker_jobs", dimensions: [("tube", "\(job.tube)"), ("outcome", outcome.rawValue)]
        ).increment()
    }

    // MARK: Working

    /// How a handler has ended, and what has ended it.
    private struct End: Sendable {
        var error: (any Error)?
        /// The job is another's.
        var loss: ClientError?
        var isOverTime = false
        /// The worker is to end, and has cancelled it.
        var isStopped = false
    }

    /// Runs the handler, touching the job meanwhile.
    private func handle(_ job: WorkerJob, _ reserved: ReservedJob, every interval: Duration) async -> End {
        let handler = worker.handler
        let work = Task(executorPreference: worker.handlerExecutor) { try await handler(job) }
        let toucher = Task(executorPreference: client.loop) { await touch(reserved, every: interval, orCancel: work) }
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
        var end = End()
        if case .failure(let error) = result { end.error = error }
        end.loss = await toucher.value
        end.isOverTime = await timer?.value ?? false
        end.isStopped = Task.isCancelled
        return end
    }

    /// Touches the job again and again until it is cancelled.
    ///
    /// - Returns: Why the job is no longer this worker's; `nil` if it is.
    private func touch(
        _ job: ReservedJob, every interval: Duration, orCancel work: Task<Void, any Error>
    ) async -> ClientError? {
        var nextTouch = ContinuousClock.now + interval
        while true {
            do {
                let left = ContinuousClock.now.duration(to: nextTouch)
                try await client.loop.sleep(for: min(left, .seconds(1)))
                guard ContinuousClock.now >= nextTouch else {
                    // That its connection has ended is known before the touch.
                    if await job.isLost { throw ClientError("work on job \(job.id)", .jobLost) }
                    continue
                }
                nextTouch = ContinuousClock.now + interval
                try await job.touch()
            } catch let error as ClientError {
                switch error.reason {
                case .cancelled: return nil
                case .notFound, .jobLost, .closed, .outcomeUnknown:
                    work.cancel()
                    return error
                // A server that has some trouble; the next touch may come in time.
                default: continue
                }
            } catch {
                return nil
            }
        }
    }

    // MARK: The end of a job

    private func settle(
        _ job: WorkerJob, _ reserved: ReservedJob, _ priority: Priority, _ end: End, _ logger: Logger
    ) async -> WorkerOutcome {
        if let loss = end.loss {
            logger.warning("a job was lost while it was worked on", metadata: ["error": "\(loss)"])
            return .lost
        }
        do throws(ClientError) {
            guard let error = end.error else {
                try await reserved.delete()
                logger.debug("done")
                return .done
            }
            if error is JobHandedBack || (end.isStopped && !(error is JobRejected)) {
                try await reserved.release(priority: priority)
                logger.notice("handed back")
                return .handedBack
            }
            let reason =
                end.isOverTime ? "over the time limit of \(options.timeLimit ?? .zero): \(error)" : "\(error)"
            guard job.attempt < max(1, options.attempts), !(error is JobRejected) else {
                try await reserved.bury(priority: priority)
                logger.error("failed for good", metadata: ["reason": "\(reason)"])
                return .buried
            }
            let pause = options.backoff.randomPause(after: job.attempt)
            try await reserved.release(priority: priority, delay: pause)
            logger.warning(
                "failed", metadata: ["reason": "\(reason)", "next attempt in": "\(pause.wholeSeconds) s"])
            return .retried
        } catch {
            // Another worker gets it, whatever became of it here.
            logger.warning("the end of a job could not be told to the server", metadata: ["error": "\(error)"])
            return .lost
        }
    }
}
