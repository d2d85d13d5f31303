// SPDX-License-Identifier: Apache-2.0

/// A job that was put, and what its outcome is asked for by.
///
/// ```swift
/// let submission = try await client.submit("holiday.jpg", to: "resize")
/// for try await status in submission.updates {
///     print("\(status.percent) % \(status.text)")
/// }
/// switch try await submission.outcome {
/// case .done(let result): try save(result)
/// case .failed(let reason): print(reason)
/// case .cancelled: break
/// }
/// ```
public struct Submission: Sendable, Identifiable {
    /// The job's number.
    public let id: JobID
    /// The state of the job with the same key that was there already, in place of which nothing was put; `nil` if the
    /// job is new. (After a lost connection that may be this job itself.)
    public let former: FormerState?
    private let client: Client

    init(_ id: JobID, _ former: FormerState?, _ client: Client) {
        self.id = id
        self.former = former
        self.client = client
    }

    /// How the job ends, when it has. Each call that waits has a connection of its own.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` if the server knows nothing of the job, for instance
    ///   because the time for which the outcome is kept is over.
    public var outcome: Outcome {
        get async throws(ClientError) {
            while true {
                if let outcome = try await client.wait(for: id).outcome { return outcome }
            }
        }
    }

    /// How the job ends, if it does so in time.
    ///
    /// - Parameter timeout: How long to wait, in whole seconds, rounded up.
    /// - Returns: The outcome; `nil` if there is none yet.
    /// - Throws: ``ClientError``, as ``outcome``.
    public func outcome(within timeout: Duration) async throws(ClientError) -> Outcome? {
        try await client.wait(for: id, timeout: timeout).outcome
    }

    /// How the job is: now, whenever that changes or its worker reports, and at last how it has ended.
    public var updates: JobUpdates { JobUpdates(id, client) }

    /// How the job is now.
    ///
    /// - Returns: The status; `nil` if the server knows nothing of the job.
    public var status: JobStatus? {
        get async throws(ClientError) { try await client.status(of: id) }
    }

    /// Nobody needs it any more: see ``Client/cancel(_:)``.
    @discardableResult
    public func cancel() async throws(ClientError) -> Cancellation {
        try await client.cancel(id)
    }
}

/// What follows a job up to its end, over a connection of its own for each time that it is iterated.
///
/// Whoever takes longer over an element than the next one takes to come misses some, but never the newest.
public struct JobUpdates: AsyncSequence, Sendable {
    /// How the job is.
    public typealias Element = JobStatus
    /// What can befall a connection.
    public typealias Failure = ClientError

    private let id: JobID
    private let client: Client

    init(_ id: JobID, _ client: Client) {
        self.id = id
        self.client = client
    }

    /// Begins to follow.
    public func makeAsyncIterator() -> Iterator {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Result<JobStatus, ClientError>.self, bufferingPolicy: .bufferingNewest(16))
        let task = Task(executorPreference: client.loop) { [id, client] in
            do throws(ClientError) {
                try await client.follow(id) { continuation.yield(.success($0)) }
            } catch {
                continuation.yield(.failure(error))
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return Iterator(stream.makeAsyncIterator(), id)
    }

    /// What is taken from one after another.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var base: AsyncStream<Result<JobStatus, ClientError>>.Iterator
        fileprivate let id: JobID
        private var hasEnded = false

        /// The next status; `nil` after the end.
        public mutating func next() async throws(ClientError) -> JobStatus? {
            try await next(isolation: #isolation)
        }

        /// The next status; `nil` after the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ClientError) -> JobStatus? {
            if hasEnded { return nil }
            guard let status = try await base.next(isolation: actor)?.get() else {
                // There is an end to everything but to what was given up.
                throw ClientError("follow job \(id)", .cancelled)
            }
            hasEnded = status.outcome != nil
            return status
        }

        fileprivate init(_ base: AsyncStream<Result<JobStatus, ClientError>>.Iterator, _ id: JobID) {
            self.base = base
            self.id = id
        }
    }
}
