// SPDX-License-Identifier: Apache-2.0

/// A change of the queue that outlives the process, for whoever keeps the queue: in the order in which they happened
/// they make the queue again, by ``JobQueue/restore(_:_:at:)``, ``JobQueue/restorePause(of:_:until:at:)`` and, at the
/// end, ``JobQueue/finishRestoring(at:)``.
public enum Mutation: Hashable, Sendable {
    /// A job is there.
    case put(JobRecord)
    /// Something about a job is different now.
    case change(JobChange)
    /// A job is gone, about which something had changed so many times, 255 at most.
    case delete(UInt64, changes: UInt8)
    /// A job with tags is gone, and so many changes as with a delete; of some an outcome is kept.
    case end(UInt64, changes: UInt8, OutcomeRecord?)
    /// Of an outcome only the key matters any more.
    case forgetData(UInt64)
    /// An outcome is not kept any more.
    case forget(UInt64)
    /// A tube is paused for so many seconds, until a time; for 0 seconds: is not paused any more.
    case pause([UInt8], seconds: UInt32, until: QueueTime)

    /// About how many bytes it may make a store write: a job's, or a page or two for what is anywhere in it.
    public var cost: Int {
        switch self {
        case .put(let job): job.body.count + (job.tags == nil ? 500 : 1000)
        case .change(let change): 8192 + change.reason.count
        case .end(_, _, let outcome): 16_384 + (outcome?.data.count ?? 0)
        case .delete, .forget, .forgetData, .pause: 8192
        }
    }
}

/// A job as it was put, and as it is found again.
public struct JobRecord: Hashable, Sendable {
    /// The number.
    public var id: UInt64
    /// The tube's name.
    public var tube: [UInt8]
    /// The most urgent is 0.
    public var priority: UInt32
    /// The last delay in seconds.
    public var delay: UInt32
    /// Seconds that a worker has for the job.
    public var timeToRun: UInt32
    /// When the job was put.
    public var creation: QueueTime
    /// When a delayed job is ready.
    public var due: QueueTime
    /// The body.
    public var body: [UInt8]
    /// What else it was told.
    public var tags: JobTags?

    /// A record.
    public init(
        id: UInt64, tube: [UInt8], priority: UInt32, delay: UInt32, timeToRun: UInt32, creation: QueueTime,
        due: QueueTime, body: [UInt8], tags: JobTags? = nil
    ) {
        self.id = id
        self.tube = tube
        self.priority = priority
        self.delay = delay
        self.timeToRun = timeToRun
        self.creation = creation
        self.due = due
        self.body = body
        self.tags = tags
    }
}

/// What there is to know about a job that is not as it was put.
public struct JobChange: Hashable, Sendable {
    /// The number.
    public var id: UInt64
    /// The state that the job is found in again. A reserved job is found ready, as its worker is gone then.
    public var state: JobState
    /// The priority.
    public var priority: UInt32
    /// The last delay in seconds.
    public var delay: UInt32
    /// When a delayed job is ready.
    public var due: QueueTime
    /// A buried job's number in the order of burying; 0 for others.
    public var burial: Int64
    /// How often things have happened to it.
    public var counts: JobCounts
    /// Reservations that do not count as attempts any more.
    public var formerReserves: UInt32
    /// Why the last attempt has failed; empty if nobody said.
    public var reason: [UInt8]

    /// A change.
    public init(
        id: UInt64, state: JobState, priority: UInt32, delay: UInt32, due: QueueTime, burial: Int64, counts: JobCounts,
        formerReserves: UInt32 = 0, reason: [UInt8] = []
    ) {
        self.id = id
        self.state = state
        self.priority = priority
        self.delay = delay
        self.due = due
        self.burial = burial
        self.counts = counts
        self.formerReserves = formerReserves
        self.reason = reason
    }
}

extension JobQueue {
    /// What has happened since the last call, for whoever keeps the queue; nothing unless the queue records.
    ///
    /// - Parameter taken: The mutations are appended to it.
    public func takeMutations(into taken: inout [Mutation]) {
        if taken.isEmpty {
            swap(&taken, &mutations)
        } else {
            taken.append(contentsOf: mutations)
        }
        mutations.removeAll(keepingCapacity: mutations.capacity <= 1 << 16)
        mutationCost = 0
    }

    /// Whether there is something to take.
    public var hasMutations: Bool { !mutations.isEmpty }

    private func append(_ mutation: Mutation) {
        mutationCost += mutation.cost
        mutations.append(mutation)
    }

    func record(put job: Job) {
        guard isRecording else { return }
        job.sequence = nextSequence()
        append(
            .put(
                JobRecord(
                    id: job.id, tube: job.tube.name, priority: job.priority, delay: job.delay,
                    timeToRun: job.timeToRun, creation: job.creation, due: job.time, body: job.body, tags: job.tags)))
    }

    /// Records how a job is now, as something that replies wait for.
    func record(change job: Job) {
        guard isRecording else { return }
        job.sequence = nextSequence()
        recordCounts(of: job)
    }

    /// Records how a job is now, as something that no reply waits for.
    func recordCounts(of job: Job) {
        guard isRecording else { return }
        if job.changeCount < .max { job.changeCount += 1 }
        append(
            .change(
                JobChange(
                    id: job.id, state: job.state == .reserved ? .ready : job.state, priority: job.priority,
                    delay: job.delay, due: job.state == .delayed ? job.time : QueueTime(nanoseconds: 0),
                    burial: job.state == .buried ? job.burial : 0, counts: job.counts,
                    formerReserves: job.extras?.formerReserves ?? 0, reason: job.extras?.reason ?? [])))
    }

    func record(delete job: Job) {
        guard isRecording else { return }
        job.sequence = nextSequence()
        append(.delete(job.id, changes: job.changeCount))
    }

    func record(end job: Job, _ outcome: OutcomeRecord?) {
        guard isRecording else { return }
        job.sequence = nextSequence()
        append(.end(job.id, changes: job.changeCount, outcome))
    }

    func record(forgetDataOf id: UInt64) {
        guard isRecording else { return }
        append(.forgetData(id))
    }

    func record(forget id: UInt64) {
        guard isRecording else { return }
        append(.forget(id))
    }

    func record(pause tube: Tube) {
        guard isRecording else { return }
        _ = nextSequence()
        append(.pause(tube.name, seconds: tube.pause, until: tube.time))
    }

    private func nextSequence() -> UInt64 {
        lastSequence += 1
        return lastSequence
    }

    // MARK: Restoring

    /// Puts a job back that was kept. Only for a queue without clients.
    ///
    /// Whatever times were kept, the job is not younger than new, and no longer delayed than it was asked to be.
    ///
    /// - Parameters:
    ///   - record: The job as it was put.
    ///   - change: What has changed since then, last.
    public func restore(_ record: JobRecord, _ change: JobChange? = nil, at now: QueueTime) {
        let job = Job(
            record.id, in: tube(named: record.tube), priority: record.priority, delay: record.delay,
            timeToRun: record.timeToRun, record.body, record.tags, min(record.creation, now))
        job.since = now
        if let key = record.tags?.key, !key.isEmpty { keys[UniqueKey(tube: record.tube, key: key)] = job.id }
        add(job)
        job.tube.totalCount += 1
        totals.totalJobs += 1
        skipIDs(through: job.id)
        var due: QueueTime? = record.delay > 0 ? record.due : nil
        if let change {
            job.changeCount = 1
            job.priority = change.priority
            job.delay = change.delay
            due = change.state == .delayed ? change.due : nil
            setReason(change.reason, of: job)
            setCounts(change.counts, formerReserves: change.formerReserves, of: job)
            if change.state == .buried { return makeBuried(job, change.burial, at: now) }
        }
        if let due, due > now {
            makeDelayed(job, until: min(due, now + job.delay), at: now)
        } else if job.isUsedUp {
            // Only a worker can have had it.
            makeReady(job, at: now)
            dying.append(job)
        } else {
            makeReady(job, at: now)
        }
    }

    /// Puts jobs aside whose last attempt was under way. When all is restored.
    public func finishRestoring(at now: QueueTime) {
        for job in dying {
            takeOut(job)
            die(job, WorkerLoss.serverEnded.reason, at: now)
        }
        dying.removeAll()
    }

    /// Remembers an outcome again that was kept. Only for a queue without clients; in the order in which they came.
    ///
    /// Whatever times were kept, it is not younger than new, and not kept for longer than it was to be.
    public func restore(_ outcome: OutcomeRecord, at now: QueueTime) {
        var outcome = outcome
        if case let ahead = outcome.time.nanoseconds &- now.nanoseconds, ahead > 0 {
            outcome.time = now
            outcome.keptUntil.nanoseconds &-= ahead
            outcome.uniqueUntil.nanoseconds &-= ahead
        }
        let key = UniqueKey(tube: outcome.tube, key: outcome.key)
        // The clock may have been set back since: a job that is there has it.
        if !outcome.key.isEmpty, outcome.uniqueUntil > now, keys[key].map({ jobs[$0] == nil }) ?? true {
            keys[key] = outcome.id
        }
        keep(Outcome(outcome), at: now)
    }

    /// Pauses a tube as it was paused, and makes it if it has no jobs: those who watched it will come back. Only for a
    /// queue without clients. Whatever time was kept, the pause is no longer than it was to be.
    public func restorePause(of name: [UInt8], _ seconds: UInt32, until time: QueueTime, at now: QueueTime) {
        guard seconds > 0 else { return }
        let tube = tube(named: name)
        tube.pause = seconds
        timers.tubes.set(tube, to: min(time, now + seconds))
    }
}
