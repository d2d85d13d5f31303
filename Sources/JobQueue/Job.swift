// SPDX-License-Identifier: Apache-2.0

/// What a job is doing.
public enum JobState: String, Hashable, Sendable {
    /// Waiting for a worker.
    case ready
    /// With a worker.
    case reserved
    /// Waiting for its time.
    case delayed
    /// Aside until it is kicked.
    case buried
}

/// In an order in which the fields leave no gaps: there may be millions.
final class Job: Timed {
    /// The end of the delay or of the time to run.
    var time = QueueTime(nanoseconds: 0)
    let id: UInt64
    let tube: Tube
    let body: [UInt8]
    let creation: QueueTime
    /// Who has reserved the job.
    var holder: Client?
    /// The last recorded mutation that a reply that shows the job must wait for.
    var sequence: UInt64 = 0
    var timerIndex: Int32 = -1
    let timeToRun: UInt32
    var priority: UInt32
    /// The last delay that the job had.
    var delay: UInt32
    /// How often it was reserved.
    var reserves: UInt32 = 0
    var state = JobState.ready
    /// How many changes were recorded, 255 at most.
    var changeCount: UInt8 = 0
    /// Whether somebody waits for its end.
    var isObserved = false
    /// Since when the job is in its state.
    var since: QueueTime
    /// What only some jobs have.
    var extras: JobExtras?

    init(
        _ id: UInt64, in tube: Tube, priority: UInt32, delay: UInt32, timeToRun: UInt32, _ body: [UInt8],
        _ tags: JobTags? = nil, _ creation: QueueTime
    ) {
        self.id = id
        self.tube = tube
        self.body = body
        self.priority = priority
        self.delay = delay
        self.timeToRun = max(1, timeToRun)
        self.creation = creation
        since = creation
        extras = tags.map { JobExtras($0) }
    }

    /// Statistics call the jobs before this priority urgent.
    static let urgentPriority: UInt32 = 1024

    /// About how many bytes it takes, with what there is of it in tables and heaps.
    var memory: Int { body.count + 250 + (extras?.memory ?? 0) }

    var tags: JobTags? { extras?.tags }

    /// How often things have happened to it.
    var counts: JobCounts {
        var counts = extras?.counts ?? JobCounts()
        counts.reserves = reserves
        return counts
    }

    /// Whether a worker has the job only for the time to run.
    var hasDeadline: Bool { tags?.isLeasedToConnection != true }

    /// The job's number in the order of burial, if it is buried.
    var burial: Int64 { extras?.burial ?? 0 }

    /// Which attempt it is, or how many there were, since it was put or kicked.
    var attempt: UInt32 { reserves &- (extras?.formerReserves ?? 0) }

    /// Whether nobody may get it any more unless it is kicked.
    var isUsedUp: Bool { isUsedUp(after: 0) }

    /// Whether nobody may get it any more, where somebody else knows how often it may be tried; 0 for any number.
    func isUsedUp(after others: UInt32) -> Bool {
        let own = tags?.attempts ?? 0
        let attempts = own > 0 ? own : others
        return attempts > 0 && attempt >= attempts
    }

    var isUrgent: Bool { priority < Self.urgentPriority }
}

/// How often things have happened to a job.
public struct JobCounts: Hashable, Sendable {
    /// Reserved.
    public var reserves: UInt32 = 0
    /// Taken back from a worker whose time was over.
    public var timeouts: UInt32 = 0
    /// Released by a worker.
    public var releases: UInt32 = 0
    /// Buried.
    public var buries: UInt32 = 0
    /// Kicked.
    public var kicks: UInt32 = 0

    /// Nothing has happened yet.
    public init() {}
}

/// A job as its owner sees it.
public struct JobSnapshot: Hashable, Sendable {
    /// The number.
    public let id: UInt64
    /// The body.
    public let body: [UInt8]
    /// What a reply that shows the job must wait for.
    public let sequence: JobSequence

    /// What a queue that does not record shows, for tests to compare.
    package init(id: UInt64, body: [UInt8]) {
        self.id = id
        self.body = body
        sequence = JobSequence(0)
    }

    init(_ job: Job) {
        id = job.id
        body = job.body
        sequence = JobSequence(job.sequence)
    }
}
