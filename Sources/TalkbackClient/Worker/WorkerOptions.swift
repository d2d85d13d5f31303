// SPDX-License-Identifier: Apache-2.0

/// What a ``Worker`` takes, and what it does when a job fails.
public struct WorkerOptions: Hashable, Sendable {
    /// The tubes to reserve from; at least one.
    public var tubes: [Tube]
    /// How many jobs to work on at a time, each with a connection of its own; at least 1.
    public var concurrency: Int
    /// How often a job is tried before it is buried, by any worker; at least 1. Each time that it is reserved counts,
    /// whatever came of it: it may have been handed back, or its worker may have died. A job that was put with a number
    /// of attempts of its own is tried as often as that.
    public var attempts: Int
    /// How long a failed job waits before it is ready again.
    public var backoff: Backoff
    /// How long a handler may take before its task is cancelled, and the attempt has failed; `nil` for any time. The
    /// job is touched all the while, whatever its own time to run is.
    public var timeLimit: Duration?
    /// How long handlers may go on when the worker is to stop. After that their tasks are cancelled, and their jobs
    /// handed back.
    public var grace: Duration
    /// How long it takes at most to find out that a job was cancelled: how often it is touched, on a Talkback server.
    /// At least 10 milliseconds.
    public var cancellationCheck: Duration

    /// What suits most workers.
    public init(
        tubes: [Tube] = [.default], concurrency: Int = 1, attempts: Int = 5,
        backoff: Backoff = Backoff(first: .seconds(5), longest: .seconds(3600), factor: 3), timeLimit: Duration? = nil,
        grace: Duration = .seconds(30), cancellationCheck: Duration = .seconds(2)
    ) {
        self.tubes = tubes
        self.concurrency = concurrency
        self.attempts = attempts
        self.backoff = backoff
        self.timeLimit = timeLimit
        self.grace = grace
        self.cancellationCheck = cancellationCheck
    }
}
