// SPDX-License-Identifier: Apache-2.0

/// How a job has ended.
public enum JobEnd: String, Hashable, Sendable {
    /// It is done.
    case done
    /// It had failed when it was deleted.
    case failed
    /// Nobody needed it.
    case cancelled
}

/// How far a job is, or what came out, for those who wait for it.
public struct JobStatus: Hashable, Sendable {
    /// What has become of it.
    public enum State: Hashable, Sendable {
        /// It is there.
        case current(JobState)
        /// It is not there any more.
        case ended(JobEnd)
    }

    /// The job's number.
    public let id: UInt64
    /// What has become of it.
    public let state: State
    /// Which attempt it is, or how many there were.
    public let attempt: UInt32
    /// How many there may be; 0 for any number.
    public let attempts: UInt32
    /// Whole seconds since it is so.
    public let seconds: Int64
    /// What the worker has reported.
    public let percent: UInt8
    /// Of a reserved job the text of the last report, of one that is done the result, else why the last attempt failed.
    public let data: [UInt8]
    /// What a reply that shows the status must wait for.
    public let sequence: JobSequence

    /// Whether nothing more is to come, unless somebody kicks it.
    public var isEnd: Bool {
        switch state {
        case .current(let state): state == .buried
        case .ended: true
        }
    }

    /// What a queue that does not record shows, for tests to compare.
    package init(
        id: UInt64, state: State, attempt: UInt32, attempts: UInt32, seconds: Int64, percent: UInt8, data: [UInt8]
    ) {
        self.init(
            id: id, state: state, attempt: attempt, attempts: attempts, seconds: seconds, percent: percent, data: data,
            sequence: JobSequence(0))
    }

    private init(
        id: UInt64, state: State, attempt: UInt32, attempts: UInt32, seconds: Int64, percent: UInt8, data: [UInt8],
        sequence: JobSequence
    ) {
        self.id = id
        self.state = state
        self.attempt = attempt
        self.attempts = attempts
        self.seconds = seconds
        self.percent = percent
        self.data = data
        self.sequence = sequence
    }

    init(_ job: Job, at now: QueueTime) {
        id = job.id
        state = .current(job.state)
        attempt = job.attempt
        attempts = job.tags?.attempts ?? 0
        seconds = max(0, now.seconds(since: job.since))
        percent = job.state == .reserved ? job.extras?.percent ?? 0 : 0
        data = job.state == .reserved ? job.extras?.text ?? [] : job.extras?.reason ?? []
        sequence = JobSequence(job.sequence)
    }

    /// What those are told who wait when a job ends.
    init(_ job: Job, _ end: JobEnd, _ data: [UInt8]) {
        self.init(
            id: job.id, state: .ended(end), attempt: job.attempt, attempts: job.tags?.attempts ?? 0, seconds: 0,
            percent: end == .done ? 100 : 0, data: data, sequence: JobSequence(job.sequence))
    }

    init(_ outcome: Outcome, at now: QueueTime) {
        let record = outcome.record
        id = record.id
        state = .ended(record.end)
        attempt = record.attempt
        attempts = record.attempts
        seconds = max(0, now.seconds(since: record.time))
        percent = record.end == .done ? 100 : 0
        data = record.data
        sequence = JobSequence(outcome.sequence)
    }
}
