// SPDX-License-Identifier: Apache-2.0

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
    /// How long a worker has for the job before another gets it, in whole seconds, rounded up; at least one. A worker that
    /// touches the job gets as much again.
    public var timeToRun: Duration

    /// What most jobs need, and what is different.
    public init(priority: Priority = 1024, delay: Duration = .zero, timeToRun: Duration = .seconds(60)) {
        self.priority = priority
        self.delay = delay
        self.timeToRun = timeToRun
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
