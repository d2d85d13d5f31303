// SPDX-License-Identifier: Apache-2.0

/// Numbers about all jobs and clients.
public struct QueueStatistics: Hashable, Sendable {
    /// Ready jobs with a priority before 1024.
    public internal(set) var urgent = 0
    /// Ready jobs.
    public internal(set) var ready = 0
    /// Reserved jobs.
    public internal(set) var reserved = 0
    /// Delayed jobs.
    public internal(set) var delayed = 0
    /// Buried jobs.
    public internal(set) var buried = 0
    /// Jobs that were taken back from a worker whose time was over.
    public internal(set) var jobTimeouts: UInt64 = 0
    /// Jobs that were ever put.
    public internal(set) var totalJobs: UInt64 = 0
    /// Tubes.
    public internal(set) var tubes = 0
    /// Clients.
    public internal(set) var clients = 0
    /// Clients that have put.
    public internal(set) var producers = 0
    /// Clients that have asked for a job.
    public internal(set) var workers = 0
    /// Clients that wait for a job.
    public internal(set) var waiting = 0
    /// Clients that there ever were.
    public internal(set) var totalClients: UInt64 = 0
    /// Clients that wait for the end of a job.
    public internal(set) var observers = 0
    /// Outcomes that are kept.
    public internal(set) var outcomes = 0
    /// About how many bytes they take.
    public internal(set) var outcomeBytes = 0
    /// Outcomes that were dropped before their time.
    public internal(set) var droppedOutcomes: UInt64 = 0
    /// Jobs that were buried for having failed too often.
    public internal(set) var deadJobs: UInt64 = 0
}

/// Numbers about a tube.
public struct TubeStatistics: Hashable, Sendable {
    /// The tube's name.
    public let name: [UInt8]
    /// Ready jobs with a priority before 1024.
    public let urgent: Int
    /// Ready jobs.
    public let ready: Int
    /// Reserved jobs.
    public let reserved: Int
    /// Delayed jobs.
    public let delayed: Int
    /// Buried jobs.
    public let buried: Int
    /// Jobs that were ever put, since there is the tube.
    public let totalJobs: UInt64
    /// Clients that use the tube.
    public let using: Int
    /// Clients that watch the tube.
    public let watching: Int
    /// Clients that wait for a job of the tube.
    public let waiting: Int
    /// Jobs that were deleted.
    public let deletes: UInt64
    /// How often the tube was paused, or its pause ended.
    public let pauses: UInt64
    /// The length of the current pause in seconds; 0 if there is none.
    public let pause: UInt32
    /// Seconds until the pause ends.
    public let pauseTimeLeft: Int64
}

/// Numbers about a job.
public struct JobStatistics: Hashable, Sendable {
    /// The job's number.
    public let id: UInt64
    /// The tube's name.
    public let tube: [UInt8]
    /// What the job is doing.
    public let state: JobState
    /// The priority.
    public let priority: UInt32
    /// Seconds since the job was put.
    public let age: Int64
    /// The last delay in seconds.
    public let delay: UInt32
    /// Seconds that a worker has for the job.
    public let timeToRun: UInt32
    /// Seconds until a delayed job is ready or a reserved one is taken back; 0 for others.
    public let timeLeft: Int64
    /// How often things have happened to it.
    public let counts: JobCounts
    /// What a reply that shows them must wait for.
    public let sequence: JobSequence
}

extension JobQueue {
    /// Numbers about all jobs and clients.
    public var statistics: QueueStatistics {
        var statistics = totals
        statistics.tubes = tubes.count
        statistics.clients = clients.count
        statistics.outcomes = outcomes.count
        statistics.outcomeBytes = outcomes.byteCount
        statistics.droppedOutcomes = outcomes.dropCount
        return statistics
    }

    /// Numbers about a tube; `nil` if there is none of that name.
    public func statistics(ofTube name: [UInt8], at now: QueueTime) -> TubeStatistics? {
        guard let tube = tubesByName[name] else { return nil }
        return TubeStatistics(
            name: tube.name, urgent: tube.urgentCount, ready: tube.ready.count, reserved: tube.reserved.count,
            delayed: tube.delayed.count, buried: tube.buried.count, totalJobs: tube.totalCount,
            using: tube.usingCount, watching: tube.watchingCount, waiting: tube.waiters.count,
            deletes: tube.deleteCount, pauses: tube.pauseCount, pause: tube.pause,
            pauseTimeLeft: tube.isPaused ? tube.time.seconds(since: now) : 0)
    }

    /// Numbers about a job; `nil` if there is none.
    public func statistics(ofJob id: UInt64, at now: QueueTime) -> JobStatistics? {
        guard let job = jobs[id] else { return nil }
        let isTimed = job.state == .delayed || (job.state == .reserved && job.hasDeadline)
        return JobStatistics(
            id: job.id, tube: job.tube.name, state: job.state, priority: job.priority,
            age: now.seconds(since: job.creation), delay: job.delay, timeToRun: job.timeToRun,
            timeLeft: isTimed ? job.time.seconds(since: now) : job.state == .reserved ? Int64(job.timeToRun) : 0,
            counts: job.counts, sequence: JobSequence(job.sequence))
    }
}
