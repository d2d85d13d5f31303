// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

/// Everything that a server knows of a job but its body: the protocol's `describe-job`.
public struct JobDescription: Hashable, Sendable, Identifiable {
    /// The job's number.
    public let id: JobID
    /// The tube that it was put into.
    public let tube: Tube
    /// Where it is in its life.
    public let state: JobState
    /// How long ago it was put.
    public let age: Duration
    /// How long until it is ready, if it is delayed, or ready again, if it is reserved.
    public let timeLeft: Duration
    /// How it was put, and in ``PutOptions/history`` what has happened to it since. The delay is the last one that it
    /// had, of which ``timeLeft`` may be left.
    ///
    /// A put with these makes the same job again, with another number.
    public let options: PutOptions
}

/// What has happened to a job: what a put says of one that was on another server or in another tube before. Such a put
/// takes no notice of the key of a job that has ended.
///
/// For a Talkback server only.
public struct JobHistory: Hashable, Sendable {
    /// How often workers got it since it was put or kicked; of a reserved job this attempt is one of them.
    public var attempt: UInt32
    /// How often it was reserved. At least ``attempt``.
    public var reserves: UInt32
    /// How often its time to run was over.
    public var timeouts: UInt32
    /// How often it was released.
    public var releases: UInt32
    /// How often it was buried.
    public var buries: UInt32
    /// How often it was kicked.
    public var kicks: UInt32
    /// Whether it is aside.
    public var isBuried: Bool
    /// Why the last attempt has failed, of which at most ``ReservedJob/maximumReasonSize`` bytes are sent, the last
    /// ones; empty if nobody said.
    public var reason: [UInt8]

    /// A history.
    public init(
        attempt: UInt32 = 0, reserves: UInt32 = 0, timeouts: UInt32 = 0, releases: UInt32 = 0, buries: UInt32 = 0,
        kicks: UInt32 = 0, isBuried: Bool = false, reason: [UInt8] = []
    ) {
        self.attempt = attempt
        self.reserves = reserves
        self.timeouts = timeouts
        self.releases = releases
        self.buries = buries
        self.kicks = kicks
        self.isBuried = isBuried
        self.reason = reason
    }

    /// The bytes of the reason that are sent.
    var sentReason: [UInt8] { reason.suffix(ReservedJob.maximumReasonSize) }

    var tags: [PutTag] {
        // Also if it is 0: the job is not a new one.
        var tags: [PutTag] = [.tried(attempt)]
        let counts = TransitionCounts(
            reserves: max(reserves, attempt), timeouts: timeouts, releases: releases, buries: buries, kicks: kicks)
        if counts != TransitionCounts() { tags.append(.counts(counts)) }
        if isBuried { tags.append(.buried) }
        if !reason.isEmpty { tags.append(.reason(byteCount: sentReason.count)) }
        return tags
    }
}

extension JobDescription {
    init(_ job: DescribedJob) {
        id = job.id
        tube = Tube(job.tube)
        state =
            switch job.state {
            case .ready: .ready
            case .delayed: .delayed
            case .reserved: .reserved
            case .buried: .buried
            }
        age = .seconds(Int64(clamping: job.age))
        timeLeft = .seconds(Int64(clamping: job.timeLeft))
        var options = PutOptions(
            priority: job.priority, delay: .seconds(Int64(job.delay)), timeToRun: .seconds(Int64(job.timeToRun)))
        var history = JobHistory(isBuried: job.state == .buried, reason: job.reason)
        for tag in job.tags {
            switch tag {
            case .unique(let key, let seconds):
                options.uniqueness = Uniqueness(key: key.description, rememberedFor: .seconds(Int64(seconds)))
            case .keep(let seconds): options.keepOutcome = .seconds(Int64(seconds))
            case .attempts(let count): options.attempts = Int(count)
            case .backoff(let first, let most):
                options.backoff = AttemptBackoff(first: .seconds(Int64(first)), longest: .seconds(Int64(most)))
            case .leaseOfConnection: options.lease = .connection
            case .tried(let count): history.attempt = count
            case .counts(let counts):
                history.reserves = counts.reserves
                history.timeouts = counts.timeouts
                history.releases = counts.releases
                history.buries = counts.buries
                history.kicks = counts.kicks
            case .buried, .reason: break
            }
        }
        options.history = history
        self.options = options
    }
}
