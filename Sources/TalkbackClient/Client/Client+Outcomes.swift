// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import Sockets

// What has become of a job. All of it is for a Talkback server only: another one does not know these commands, which is
// ``ClientError/Reason/notUnderstood``.
extension Client {
    /// Puts a job whose outcome will be asked for.
    ///
    /// ```swift
    /// let submission = try await client.submit("holiday.jpg", to: "resize")
    /// print(try await submission.outcome)
    /// ```
    ///
    /// - Parameters:
    ///   - body: The job's body.
    ///   - tube: The tube.
    ///   - options: How it is put. The outcome is kept for an hour unless they say how long.
    /// - Returns: What the outcome is asked for by.
    /// - Throws: ``ClientError``, as ``put(_:into:_:)-([UInt8],_,_)``.
    public func submit(
        _ body: [UInt8], to tube: Tube = .default, _ options: PutOptions = PutOptions()
    ) async throws(ClientError) -> Submission {
        var options = options
        options.keepOutcome = options.keepOutcome ?? .seconds(3600)
        let (id, former) = try await insert(body, into: tube, options)
        return Submission(id, former, self)
    }

    /// Puts a job whose body is text, as ``submit(_:to:_:)-([UInt8],_,_)``.
    public func submit(
        _ body: String, to tube: Tube = .default, _ options: PutOptions = PutOptions()
    ) async throws(ClientError) -> Submission {
        try await submit(Array(body.utf8), to: tube, options)
    }

    /// What was submitted before, by this client or another, for instance by the page that was shown before.
    public nonisolated func submission(_ id: JobID) -> Submission { Submission(id, nil, self) }

    /// How far a job is, or how it has ended: the protocol's `state`.
    ///
    /// - Returns: The status; `nil` if there is no such job, and no outcome is kept.
    public func status(of id: JobID) async throws(ClientError) -> JobStatus? {
        let operation = "ask for the state of job \(id)"
        switch try await perform(operation, .state(id), isRepeatable: true).reply {
        case .state(let report): return JobStatus(report)
        case .notFound: return nil
        case let reply: throw Self.refusal(operation, reply, missing: Missing.outcome)
        }
    }

    /// Everything about a job but its body: how it was put, and what has happened to it. The protocol's `describe-job`.
    ///
    /// - Returns: The description; `nil` if there is no such job.
    /// - Throws: ``ClientError``: ``ClientError/Reason/notUnderstood`` if the server is another one, or an older one.
    public func description(of id: JobID) async throws(ClientError) -> JobDescription? {
        let operation = "ask for a description of job \(id)"
        switch try await perform(operation, .describeJob(id), isRepeatable: true).reply {
        case .described(let job): return JobDescription(job)
        case .notFound: return nil
        case let reply: throw ClientError(operation, Self.reason(for: reply))
        }
    }

    /// Waits until a job has ended, over a connection of its own: the protocol's `wait`.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - timeout: How long, in whole seconds, rounded up; `nil` for as long as it takes.
    /// - Returns: How it is then; it has not ended if the time is over.
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` if there is no such job, and no outcome is kept.
    public func wait(for id: JobID, timeout: Duration? = nil) async throws(ClientError) -> JobStatus {
        let operation = "wait for job \(id)"
        let end = timeout.map { loop.now + $0.clampedNanoseconds }
        while true {
            let reply = try await observe({ operation }, until: end) { .wait(id, seconds: $0) }
            guard case .state(let report) = reply else {
                throw Self.refusal(operation, reply, missing: Missing.outcome)
            }
            if report.state.isEnd || end.map({ $0 <= loop.now }) == true { return JobStatus(report) }
        }
    }

    /// Follows a job until it has ended, over a connection of its own: the protocol's `follow`.
    func follow(_ id: JobID, _ body: @escaping (JobStatus) -> Void) async throws(ClientError) {
        let operation = "follow job \(id)"
        var last: JobStatus?
        func report(_ report: JobReport) {
            let status = JobStatus(report)
            // After a connection was lost, the first is often one that was told already.
            if !status.isSame(as: last) { body(status) }
            last = status
        }
        while true {
            let reply = try await observe({ operation }, until: nil, report) { .follow(id, seconds: $0) }
            switch reply {
            case .state: return
            case .timedOut: continue
            default: throw Self.refusal(operation, reply, missing: Missing.outcome)
            }
        }
    }

    /// Nobody needs a job any more: the protocol's `cancel`. One that waits is gone at once; a worker that has it is
    /// told.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` if there is no such job, and no outcome is kept.
    @discardableResult
    public func cancel(_ id: JobID) async throws(ClientError) -> Cancellation {
        let operation = "cancel job \(id)"
        switch try await perform(operation, .cancel(id), isRepeatable: true).reply {
        case .cancelled: return .cancelled
        case .tooLate: return .tooLate
        case let reply: throw Self.refusal(operation, reply, missing: Missing.outcome)
        }
    }

    /// At most this long at a time, so that a server that is not there any more is found out.
    private static var longestObservation: Int64 { 600_000_000_000 }

    private func observe(
        _ operation: () -> String, until end: Int64?, _ onReport: ((JobReport) -> Void)? = nil,
        _ command: (UInt32) -> Command
    ) async throws(ClientError) -> Reply {
        try await persisting(operation) {
            let lane: Lane
            do throws(SocketError) {
                lane = try await self.loneLane()
            } catch {
                return .lost(error, connectedAt: nil)
            }
            let start = self.loop.now
            let left = min(Self.longestObservation, max(0, (end ?? .max) - start))
            observing.insert(lane.id)
            let answer = await ask(
                command(UInt32((left + 999_999_999) / 1_000_000_000)),
                by: start + left + 1_000_000_000 + options.replyTimeout.clampedNanoseconds, onReport: onReport,
                on: lane)
            observing.remove(lane.id)
            switch answer {
            case .success(let reply):
                keepIdle(lane)
                return .value(reply)
            case .failure(.ended(let error, _)):
                return .lost(error ?? SocketError(.receive, .closed), connectedAt: start)
            case .failure(let failure):
                // Cancelled before it was sent, perhaps: then nobody else has closed it.
                lane.close()
                return .failed(self.error(operation(), failure))
            }
        }
    }
}

/// What became of a wish to cancel a job.
public enum Cancellation: Hashable, Sendable {
    /// It will not run any more, or is about to be stopped.
    case cancelled
    /// It is done or has failed.
    case tooLate
}
