// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

/// The number of a job, which no other job of the server ever has.
public typealias JobID = UInt64

/// How urgent a job is: the lowest number goes first, 0 before all others.
public typealias Priority = UInt32

/// A job as it was put: its number and its body.
public struct Job: Hashable, Sendable, Identifiable {
    /// The job's number.
    public let id: JobID
    /// The job's body, byte for byte.
    public let body: [UInt8]

    /// The body as text; what is not UTF-8 is replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// How a job is put.
public struct PutOptions: Hashable, Sendable {
    /// The lowest goes first.
    public var priority: Priority
    /// How long until the job is ready, in whole seconds, rounded up; at most 136 years.
    public var delay: Duration
    /// How long a worker has for the job before another gets it, in whole seconds, rounded up; at least one. A worker
    /// that touches the job gets as much again.
    public var timeToRun: Duration

    // What follows is for a Talkback server only; another one is never sent a job that has any of it.

    /// Makes the job the only one of its kind in its tube.
    public var uniqueness: Uniqueness?
    /// How long the outcome can be asked for after the end, in whole seconds, rounded up; `nil` for not at all.
    public var keepOutcome: Duration?
    /// How often workers may get the job before it is set aside, 1 or more (less is 1); `nil` for as often as they say.
    public var attempts: Int?
    /// When the job is tried again after a failure; `nil` for whenever the worker says.
    public var backoff: AttemptBackoff?
    /// How long a worker has the job.
    public var lease: Lease
    /// What has happened to the job before, on another server or in another tube; `nil` for a new one.
    public var history: JobHistory?

    /// How long a worker has a job.
    public enum Lease: Hashable, Sendable {
        /// For the time to run, which begins anew with each touch and each report.
        case timeToRun
        /// For as long as the worker's connection is there.
        case connection
    }

    /// What most jobs need, and what is different.
    public init(
        priority: Priority = 1024, delay: Duration = .zero, timeToRun: Duration = .seconds(60),
        uniqueness: Uniqueness? = nil, keepOutcome: Duration? = nil, attempts: Int? = nil,
        backoff: AttemptBackoff? = nil, lease: Lease = .timeToRun, history: JobHistory? = nil
    ) {
        self.priority = priority
        self.delay = delay
        self.timeToRun = timeToRun
        self.uniqueness = uniqueness
        self.keepOutcome = keepOutcome
        self.attempts = attempts
        self.backoff = backoff
        self.lease = lease
        self.history = history
    }

    var tags: [PutTag] {
        var tags: [PutTag] = []
        if let uniqueness { tags.append(.unique(uniqueness.name, seconds: uniqueness.duration.wholeSeconds)) }
        if let keepOutcome { tags.append(.keep(seconds: keepOutcome.wholeSeconds)) }
        if let attempts { tags.append(.attempts(max(1, UInt32(clamping: attempts)))) }
        if let backoff {
            tags.append(.backoff(first: backoff.first.wholeSeconds, most: backoff.longest.wholeSeconds))
        }
        if lease == .connection { tags.append(.leaseOfConnection) }
        return tags + (history?.tags ?? [])
    }
}

/// What makes a job the only one of its kind in its tube: while it is there, another put with the same key adds
/// nothing, and finds this one.
public struct Uniqueness: Hashable, Sendable {
    let name: TubeName
    /// What the job is known by.
    public var key: String { name.description }
    /// How long after the job's end that is still so, in whole seconds, rounded up.
    public let duration: Duration

    /// A key that is remembered for a time after the job's end.
    ///
    /// - Returns: `nil` if it is none: 1 to 200 letters, digits and `-+/;.$_()`, the first not a `-`. The hash of
    ///   anything, in hexadecimal, always is one.
    public init?(key: some StringProtocol, rememberedFor duration: Duration = .zero) {
        guard let name = TubeName(key) else { return nil }
        self.name = name
        self.duration = duration
    }
}

/// When a job is tried again after a failure: after a pause, each twice as long as the one before it.
public struct AttemptBackoff: Hashable, Sendable {
    /// The first pause, in whole seconds, rounded up.
    public let first: Duration
    /// The longest pause, in whole seconds, rounded up.
    public let longest: Duration

    /// Pauses that grow; one that is to be shorter than the first is as long.
    public init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = max(first, longest)
    }

    /// Pauses that are all the same.
    public init(_ pause: Duration) {
        self.init(first: pause, longest: pause)
    }
}

extension Duration {
    /// In the protocol's whole seconds, rounded up.
    var wholeSeconds: UInt32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt32(clamping: attoseconds > 0 ? seconds + 1 : seconds)
    }
}

extension Duration {
    /// In nanoseconds; less than zero is zero, and more than a century a century.
    var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = min(max(self, .zero), .seconds(100 * 365 * 86400)).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
