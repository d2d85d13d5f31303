// SPDX-License-Identifier: Apache-2.0

/// A job that a ``Worker`` has given to its handler.
public struct WorkerJob: Sendable, Identifiable {
    /// The job's number and its body.
    public let job: Job
    /// The tube that it was put into.
    public let tube: Tube
    /// Which attempt this is: 1 for the first. It is how often the job was reserved since it was put, or, on a Talkback
    /// server, kicked.
    public let attempt: Int
    /// Whether the server can be told a result, the reason of a failure, and how far the work is: it is a Talkback
    /// server.
    public let serverKeepsOutcomes: Bool
    private let reporter: JobReporter

    init(_ job: Job, _ tube: Tube, attempt: Int, serverKeepsOutcomes: Bool, _ reporter: JobReporter) {
        self.job = job
        self.tube = tube
        self.attempt = attempt
        self.serverKeepsOutcomes = serverKeepsOutcomes
        self.reporter = reporter
    }

    /// Tells how far the work is, to those who ask or follow; does nothing where the server has no place for it.
    ///
    /// - Parameters:
    ///   - percent: 0 to 100.
    ///   - text: What else there is to say, on one line; see ``ReservedJob/progress(_:_:)-(_,String)``.
    /// - Throws: ``ClientError``: ``ClientError/Reason/jobCancelled`` and others if the job is no longer this worker's.
    ///   The handler's task is cancelled then.
    public func progress(_ percent: Int, _ text: String = "") async throws(ClientError) {
        try await progress(percent, Array(text.utf8))
    }

    /// Tells how far the work is in words of any encoding: as ``progress(_:_:)-(_,String)``.
    public func progress(_ percent: Int, _ text: [UInt8]) async throws(ClientError) {
        if serverKeepsOutcomes { try await reporter.progress(percent, text) }
    }

    /// The job's number.
    public var id: JobID { job.id }
    /// The job's body, byte for byte.
    public var body: [UInt8] { job.body }
    /// The body as text; what is not UTF-8 is replaced.
    public var text: String { job.text }
}

/// Thrown by a handler for a job that no further attempt would help: it is buried at once.
public struct JobRejected: JobFailure, Hashable, Sendable, CustomStringConvertible {
    /// Why.
    public let reason: String

    /// A rejection.
    public init(_ reason: String) {
        self.reason = reason
    }

    /// No further attempt would help.
    public var kind: JobFailureKind { .permanent }

    /// The reason.
    public var description: String { reason }
}

/// Thrown by a handler for a job that cannot be done yet, as what it needs is not there: it is tried again after a
/// pause. The attempt counts, but is no error in the log.
public struct JobPostponed: JobFailure, Hashable, Sendable, CustomStringConvertible {
    /// Why.
    public let reason: String

    /// A postponement.
    public init(_ reason: String) {
        self.reason = reason
    }

    /// It may well go better the next time.
    public var kind: JobFailureKind { .temporary }

    /// The reason.
    public var description: String { reason }
}

/// Thrown by a handler for a job that is to be handed back as it was, without a pause: this worker cannot finish it,
/// another one can. The attempt counts, as the protocol counts reserves.
public struct JobHandedBack: Error, Hashable, Sendable, CustomStringConvertible {
    /// One for any job.
    public init() {}

    /// What happened.
    public var description: String { "handed back" }
}

/// How the work on a job has ended.
public enum WorkerOutcome: String, Hashable, Sendable, CaseIterable {
    /// The handler returned, and the job is deleted.
    case done
    /// The handler failed, and the job is tried again later.
    case retried
    /// The handler failed for the last time, or has rejected the job, and the job is buried.
    case buried
    /// The worker stopped first, and the job is for others.
    case handedBack
    /// Somebody has cancelled the job.
    case cancelled
    /// The job was another worker's before the handler had ended, or its connection was lost.
    case lost
}
