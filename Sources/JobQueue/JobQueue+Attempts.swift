// SPDX-License-Identifier: Apache-2.0

// How an attempt ends.
extension JobQueue {
    /// Where a job is after an attempt.
    public enum Returned: Hashable, Sendable {
        /// It will be tried again.
        case released
        /// It will not.
        case buried
    }

    /// What a worker is told that says something of a job.
    public enum Answer<Value: Hashable & Sendable>: Hashable, Sendable {
        /// It was the worker's.
        case taken(Value)
        /// It was cancelled, and the worker did not know.
        case cancelled
        /// It is not the worker's.
        case notFound
    }

    /// All there is to say of what was done.
    public enum Done: Hashable, Sendable {
        /// It was.
        case done
    }

    /// How the server has learnt that a worker does not answer for a job any more.
    enum WorkerLoss: String {
        case connectionEnded = "its connection ended"
        case timeToRunWasOver = "its time to run was over"
        case serverEnded = "the server ended"

        /// As the reason of the attempt.
        var reason: [UInt8] { Array("the worker was lost: \(rawValue)".utf8) }
    }

    static let releasedTooOften = Array("released with no attempts left".utf8)

    /// A worker says how far it is with a job, whose time to run begins anew.
    ///
    /// - Returns: If it was taken, what a reply that shows the job must wait for.
    public func progress(
        _ id: UInt64, percent: UInt8, text: [UInt8], by client: ClientID, at now: QueueTime
    ) -> Answer<JobSequence> {
        guard let sequence = touch(id, by: client, at: now), let job = jobs[id] else { return refusal(id, client) }
        change(job) {
            $0.percent = min(percent, 100)
            $0.text = text
        }
        hasChanged(job, at: now)
        return .taken(sequence)
    }

    /// A job is done.
    public func finish(_ id: UInt64, _ result: [UInt8], by client: ClientID, at now: QueueTime) -> Answer<Done> {
        guard let job = reserved(id, by: client) else { return refusal(id, client) }
        end(job, .done, result, at: now)
        return .taken(.done)
    }

    /// An attempt has failed.
    ///
    /// - Parameters:
    ///   - delay: Seconds until the next attempt, unless the job itself says otherwise; `nil` for none.
    ///   - attempts: How many there may be, unless the job itself says otherwise; 0 for any number.
    public func fail(
        _ id: UInt64, delay: UInt32?, attempts: UInt32 = 0, reason: [UInt8], by client: ClientID, at now: QueueTime
    ) -> Answer<Returned> {
        guard let job = reserved(id, by: client) else { return refusal(id, client) }
        guard let delay else {
            takeOut(job)
            die(job, reason, at: now)
            return .taken(.buried)
        }
        let pause = job.tags?.backoff?.delay(after: job.attempt) ?? delay
        return .taken(giveBack(job, delay: pause, isLast: job.isUsedUp(after: attempts), reason: reason, at: now))
    }

    /// Whether a client has reserved a job.
    public func isHeld(_ id: UInt64, by client: ClientID) -> Bool { reserved(id, by: client) != nil }

    private func refusal<Value>(_ id: UInt64, _ client: ClientID) -> Answer<Value> {
        guard let client = clients[client], let place = client.cancelled.firstIndex(of: id) else { return .notFound }
        client.cancelled.remove(at: place)
        return .cancelled
    }

    /// Puts a reserved job back, or aside if that was its last attempt.
    func giveBack(_ job: Job, delay: UInt32, isLast: Bool, reason: [UInt8], at now: QueueTime) -> Returned {
        takeOut(job)
        job.delay = delay
        change(job) { $0.counts.releases += 1 }
        guard !isLast else {
            die(job, reason, at: now)
            return .buried
        }
        setReason(reason, of: job)
        if delay > 0 { makeDelayed(job, until: now + delay, at: now) } else { makeReady(job, at: now) }
        record(change: job)
        hasChanged(job, at: now)
        serveWaiters(at: now)
        return .released
    }

    /// Puts a reserved job back whose worker does not answer for it any more. Whoever waits for it gets it from
    /// ``serveWaiters(at:)``.
    func takeBack(_ job: Job, hasTimedOut: Bool, at now: QueueTime) {
        if hasTimedOut {
            change(job) { $0.counts.timeouts += 1 }
            totals.jobTimeouts += 1
        }
        takeOut(job)
        let loss: WorkerLoss = hasTimedOut ? .timeToRunWasOver : .connectionEnded
        guard !job.isUsedUp else { return die(job, loss.reason, at: now) }
        makeReady(job, at: now)
        if job.tags != nil {
            setReason(loss.reason, of: job)
            record(change: job)
        } else if hasTimedOut {
            recordCounts(of: job)
        }
        hasChanged(job, at: now)
    }

    /// Puts a job aside that was taken out and will not be tried again.
    func die(_ job: Job, _ reason: [UInt8], at now: QueueTime) {
        setReason(reason, of: job)
        totals.deadJobs += 1
        bury(job, at: now)
    }

    func setReason(_ reason: [UInt8], of job: Job) {
        guard reason != job.extras?.reason ?? [] else { return }
        change(job) { $0.reason = reason }
    }

    /// Sets how often things have happened to a job, and how many of its reservations do not count as attempts.
    func setCounts(_ counts: JobCounts, formerReserves: UInt32, of job: Job) {
        job.reserves = counts.reserves
        var others = counts
        others.reserves = 0
        guard others != JobCounts() || formerReserves > 0 else { return }
        change(job) { extras in
            extras.counts = others
            extras.formerReserves = formerReserves
        }
    }

    func change(_ job: Job, _ body: (JobExtras) -> Void) {
        byteCount -= job.memory
        let extras = job.extras ?? JobExtras(nil)
        job.extras = extras
        body(extras)
        byteCount += job.memory
    }
}
