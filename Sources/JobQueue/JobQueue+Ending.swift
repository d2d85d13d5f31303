// SPDX-License-Identifier: Apache-2.0

// The end of a job, and what is remembered of it.
extension JobQueue {
    /// What somebody is told who cancels a job.
    public enum Cancellation: Hashable, Sendable {
        /// It will not run any more.
        case cancelled
        /// It has ended otherwise, which a reply shows that waits for this.
        case tooLate(JobSequence)
        /// There is no such job.
        case notFound
    }

    /// Nobody needs a job any more. A worker that has it is told with the answer to what it says next of it.
    public func cancel(_ id: UInt64, at now: QueueTime) -> Cancellation {
        guard let job = jobs[id] else {
            guard let outcome = outcome(id, at: now) else { return .notFound }
            return outcome.record.end == .cancelled ? .cancelled : .tooLate(JobSequence(outcome.sequence))
        }
        guard job.state != .buried else { return .tooLate(JobSequence(job.sequence)) }
        if let holder = job.holder {
            // A worker that never says anything of its jobs is not remembered for ever.
            if holder.cancelled.count == Self.cancelledLimit { holder.cancelled.removeFirst() }
            holder.cancelled.append(id)
        }
        end(job, .cancelled, [], at: now)
        return .cancelled
    }

    private static var cancelledLimit: Int { 1000 }

    /// Takes a job out for good.
    func end(_ job: Job, _ end: JobEnd, _ data: [UInt8], at now: QueueTime) {
        takeOut(job)
        jobs.remove(job.id)
        byteCount -= job.memory
        job.tube.deleteCount += 1
        if let tags = job.tags { keepOutcome(of: job, tags, end, data, at: now) } else { record(delete: job) }
        if job.isObserved { tellObservers(of: job.id, JobStatus(job, end, data)) }
        removeIfUnused(job.tube)
    }

    private func keepOutcome(of job: Job, _ tags: JobTags, _ end: JobEnd, _ data: [UInt8], at now: QueueTime) {
        let isKept = tags.keepSeconds > 0
        let isUnique = !tags.key.isEmpty && tags.keySeconds > 0
        let record = OutcomeRecord(
            id: job.id, tube: job.tube.name, key: tags.key, end: end, attempt: job.attempt, attempts: tags.attempts,
            time: now, keptUntil: now + tags.keepSeconds, uniqueUntil: now + tags.keySeconds, data: isKept ? data : [])
        if !isUnique { forgetKey(of: record) }
        self.record(end: job, isKept || isUnique ? record : nil)
        guard isKept || isUnique else { return }
        let outcome = Outcome(record)
        outcome.sequence = job.sequence
        keep(outcome, at: now)
    }

    // MARK: What is kept

    func keep(_ outcome: Outcome, at now: QueueTime) {
        outcomes.insert(outcome)
        outcomeIsDue(outcome, at: now)
        if outcome.record.memory > maximumOutcomeBytes, !outcome.isForgotten {
            // Without it the others have room.
            outcomes.dropCount += 1
            return forget(outcome)
        }
        while outcomes.byteCount > maximumOutcomeBytes, let oldest = outcomes.oldest() {
            outcomes.dropCount += 1
            forget(oldest)
        }
    }

    /// Forgets what need not be remembered any more, and sets the timer for the rest.
    func outcomeIsDue(_ outcome: Outcome, at now: QueueTime) {
        let record = outcome.record
        let isUnique = !record.key.isEmpty && record.uniqueUntil > now
        if !isUnique, !record.key.isEmpty { forgetKey(of: record) }
        if record.keptUntil > now {
            timers.outcomes.set(outcome, to: isUnique ? min(record.keptUntil, record.uniqueUntil) : record.keptUntil)
        } else if isUnique {
            if !record.data.isEmpty {
                outcomes.removeData(of: outcome)
                self.record(forgetDataOf: record.id)
            }
            timers.outcomes.set(outcome, to: record.uniqueUntil)
        } else {
            forget(outcome)
        }
    }

    private func forget(_ outcome: Outcome) {
        timers.outcomes.remove(outcome)
        forgetKey(of: outcome.record)
        self.record(forget: outcome.record.id)
        outcomes.remove(outcome)
    }

    /// Another job may have the key now.
    private func forgetKey(of record: OutcomeRecord) {
        guard !record.key.isEmpty, case let key = UniqueKey(tube: record.tube, key: record.key), keys[key] == record.id
        else { return }
        keys[key] = nil
    }

    /// An outcome that is kept; `nil` if only its key is, or nothing.
    func outcome(_ id: UInt64, at now: QueueTime) -> Outcome? {
        outcomes[id].flatMap { $0.record.keptUntil > now ? $0 : nil }
    }

    /// The job with a key, or what is remembered of it.
    func job(withKey key: [UInt8], in tube: Tube, at now: QueueTime) -> JobStatus? {
        guard let id = keys[UniqueKey(tube: tube.name, key: key)] else { return nil }
        if let job = jobs[id] { return JobStatus(job, at: now) }
        guard let outcome = outcomes[id], outcome.record.uniqueUntil > now else { return nil }
        return JobStatus(outcome, at: now)
    }
}
