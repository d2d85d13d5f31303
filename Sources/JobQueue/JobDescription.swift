// SPDX-License-Identifier: Apache-2.0

/// What has happened to a job before it was put into this queue: on another server, from which it was moved here.
public struct JobHistory: Hashable, Sendable {
    /// How often things have happened to it. It was reserved at least as often as it was tried.
    public var counts: JobCounts
    /// How often it was tried since it was put or kicked.
    public var attempt: UInt32
    /// Why the last attempt has failed; empty if nobody said.
    public var reason: [UInt8]
    /// Whether it is aside.
    public var isBuried: Bool

    /// A history.
    public init(
        counts: JobCounts = JobCounts(), attempt: UInt32 = 0, reason: [UInt8] = [], isBuried: Bool = false
    ) {
        self.counts = counts
        self.attempt = attempt
        self.reason = reason
        self.isBuried = isBuried
    }
}

/// Everything about a job but its body.
public struct JobDescription: Hashable, Sendable {
    /// What `stats-job` says.
    public let statistics: JobStatistics
    /// What it was told; `nil` for nothing.
    public let tags: JobTags?
    /// What has happened to it.
    public let history: JobHistory
}

extension JobQueue {
    /// Everything about a job but its body; `nil` if there is none.
    public func description(of id: UInt64, at now: QueueTime) -> JobDescription? {
        guard let job = jobs[id], let statistics = statistics(ofJob: id, at: now) else { return nil }
        return JobDescription(
            statistics: statistics, tags: job.tags,
            history: JobHistory(
                counts: job.counts, attempt: job.attempt, reason: job.extras?.reason ?? [],
                isBuried: job.state == .buried))
    }

    func restore(_ history: JobHistory, of job: Job) {
        var counts = history.counts
        counts.reserves = max(counts.reserves, history.attempt)
        setCounts(counts, formerReserves: counts.reserves - history.attempt, of: job)
        setReason(history.reason, of: job)
    }
}
