// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import Sockets

extension Client {
    /// Reserves the most urgent job of some tubes, and waits until there is one.
    ///
    /// - Parameter tubes: Where to take it from; at least one.
    /// - Throws: ``ClientError``. While the server is not to be reached, this goes on trying for as long as
    ///   ``ClientOptions/patience`` says. When the task is cancelled, no job is lost: one that was on its way goes
    ///   back.
    public func reserve(from tubes: [Tube] = [.default]) async throws(ClientError) -> ReservedJob {
        while true {
            if let job = try await reserve(from: tubes, seconds: nil) { return job }
        }
    }

    /// Reserves the most urgent job of some tubes, and waits for one for some time.
    ///
    /// - Parameters:
    ///   - tubes: Where to take it from; at least one.
    ///   - timeout: How long to wait, in whole seconds, rounded up; zero takes a job that is ready.
    /// - Returns: The job; `nil` when there was none in that time.
    /// - Throws: ``ClientError``, as ``reserve(from:)``.
    public func reserve(
        from tubes: [Tube] = [.default], timeout: Duration
    ) async throws(ClientError) -> ReservedJob? {
        // More than the protocol allows is as good as for ever.
        try await reserve(from: tubes, seconds: min(timeout.wholeSeconds, UInt32(Int32.max)))
    }

    /// Reserves a certain job, whatever tube it is in, if nobody has it: a ready, a delayed or a buried one.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` if there is no such job or somebody has it.
    public func reserveJob(_ id: JobID) async throws(ClientError) -> ReservedJob {
        let (reply, lane) = try await perform("reserve job \(id)", .reserveJob(id), isRepeatable: true)
        guard case .reserved(let id, let body) = reply else {
            throw Self.refusal("reserve job \(id)", reply, missing: Missing.freeJob)
        }
        return hold(id, body, on: lane)
    }

    private func reserve(from tubes: [Tube], seconds: UInt32?) async throws(ClientError) -> ReservedJob? {
        let names = Set(tubes.map(\.name))
        func operation() -> String { Self.reserving(from: tubes) }
        guard !names.isEmpty else { throw ClientError("reserve", .invalid("no tube was named to reserve from")) }
        if let job = try await reserveAtOnce(operation, names) { return job }
        if seconds == 0 { return nil }
        return try await reserveAlone(operation, names, seconds)
    }

    /// Reserves over a connection that does nothing else, whether there is a job or not: for those who want nothing but
    /// jobs.
    func reserveAlone(from tubes: [Tube]) async throws(ClientError) -> ReservedJob {
        guard !tubes.isEmpty else { throw ClientError("reserve", .invalid("no tube was named to reserve from")) }
        func operation() -> String { Self.reserving(from: tubes) }
        while true {
            if let job = try await reserveAlone(operation, Set(tubes.map(\.name)), nil) { return job }
        }
    }

    private static func reserving(from tubes: [Tube]) -> String {
        "reserve from \(tubes.count == 1 ? "tube" : "tubes") " + tubes.map(\.description).joined(separator: ", ")
    }

    /// Reserves at once, over the connection that all share, if there is a job.
    private func reserveAtOnce(
        _ operation: () -> String, _ tubes: Set<TubeName>
    ) async throws(ClientError) -> ReservedJob? {
        if isReservingStopped { throw ClientError(operation(), .closed) }
        let (reply, lane) = try await perform(
            operation(), .reserveWithTimeout(0), watching: tubes, isRepeatable: true)
        switch reply {
        case .reserved(let id, let body): return hold(id, body, on: lane)
        // The time for another job of the same connection is about to end, which is not this caller's.
        case .timedOut, .deadlineSoon: return nil
        default: throw ClientError(operation(), Self.reason(for: reply))
        }
    }

    /// Reserves over a connection that does nothing else, and waits.
    ///
    /// - Parameter seconds: How long to wait; `nil` for ever.
    func reserveAlone(
        _ operation: () -> String, _ tubes: Set<TubeName>, _ seconds: UInt32?
    ) async throws(ClientError) -> ReservedJob? {
        let end = seconds.map { loop.now + Int64($0) * 1_000_000_000 }
        return try await persisting(operation) { await self.attempt(operation, tubes, until: end) }
    }

    private func attempt(
        _ operation: () -> String, _ tubes: Set<TubeName>, until end: Int64?
    ) async -> Attempt<ReservedJob?> {
        if isReservingStopped { return .failed(ClientError(operation(), .closed)) }
        let lane: Lane
        do throws(SocketError) {
            lane = try await loneLane(for: tubes)
        } catch {
            return .lost(error, connectedAt: nil)
        }
        let start = loop.now
        // Those that wait were told; this one had not begun.
        if isReservingStopped {
            lane.close()
            return .failed(ClientError(operation(), .closed))
        }
        let left = end.map { UInt32(clamping: max(0, ($0 - loop.now + 999_999_999) / 1_000_000_000)) }
        let deadline = left.map { loop.now + Int64($0) * 1_000_000_000 + options.replyTimeout.clampedNanoseconds }
        let command: Command = left.map { .reserveWithTimeout($0) } ?? .reserve
        waiting.insert(lane.id)
        let answer = await ask(command, watching: tubes, by: deadline ?? .max, on: lane)
        waiting.remove(lane.id)
        switch answer {
        case .success(.reserved(let id, let body)): return .value(hold(id, body, on: lane.id))
        case .success(.timedOut):
            keepIdle(lane)
            return .value(nil)
        case .success(let reply):
            // Not even DEADLINE_SOON is an answer: the connection has no job.
            lane.close()
            return .failed(ClientError(operation(), Self.reason(for: reply)))
        // What a lost connection had reserved was given back, so nothing is done twice.
        case .failure(.ended(let error, _)):
            if isReservingStopped { return .failed(ClientError(operation(), .closed)) }
            return .lost(error ?? SocketError(.receive, .closed), connectedAt: start)
        case .failure(let failure):
            // Cancelled before it was sent, perhaps: then nobody else has closed it.
            lane.close()
            return .failed(self.error(operation(), failure))
        }
    }

    // MARK: Jobs and their connections

    private func hold(_ id: JobID, _ body: [UInt8], on lane: Lane.ID) -> ReservedJob {
        ReservedJob(Job(id: id, body: body), self, lane, reserve(id, on: lane))
    }

    /// Notes that a connection has reserved a job. Whoever has had it from the same connection has it no more.
    private func reserve(_ id: JobID, on lane: Lane.ID) -> Lane.Reservation {
        reservations += 1
        // If the connection has ended since, every command on the job will say so.
        if let lane = self.lane(lane) {
            lane.heldJobs[id] = reservations
            holders[id] = lane.id
        }
        return reservations
    }

    func holds(_ id: JobID, _ reservation: Lane.Reservation, on lane: Lane.ID) -> Bool {
        self.lane(lane)?.heldJobs[id] == reservation
    }

    private func letGo(_ id: JobID, _ reservation: Lane.Reservation, _ lane: Lane) {
        guard lane.heldJobs[id] == reservation else { return }
        lane.heldJobs[id] = nil
        if holders[id] == lane.id { holders[id] = nil }
        keepIdle(lane)
    }

    /// What a command does to a job that this client has reserved.
    enum Finish {
        /// The job is no longer this client's, unless the server has refused the command.
        case always
        /// It still is.
        case never
    }

    /// Sends a command on a job over the connection that has reserved the job.
    func perform(
        _ operation: @autoclosure () -> String, _ command: Command, body: [UInt8]? = nil, on job: JobID,
        of id: Lane.ID, _ reservation: Lane.Reservation, finish: Finish
    ) async throws(ClientError) -> Reply {
        if isClosed { throw ClientError(operation(), .closed) }
        guard let lane = lane(id), lane.heldJobs[job] == reservation else { throw ClientError(operation(), .jobLost) }
        if command.isOnlyTalkbacks {
            switch await outcomes(on: lane) {
            case .success(true): break
            case .success(false): throw ClientError(operation(), .notUnderstood)
            case .failure(.ended): throw ClientError(operation(), .jobLost)
            case .failure(let failure): throw error(operation(), failure)
            }
        }
        let deadline = loop.now + options.replyTimeout.clampedNanoseconds
        switch await ask(command, body: body, by: deadline, on: lane) {
        case .success(.notFound):
            // Its time was over, and it is another worker's; or it was cancelled, which touch is not told.
            var isCancelled = false
            if case .touch = command { isCancelled = await wasCancelled(job, reservation, on: lane) }
            letGo(job, reservation, lane)
            throw isCancelled
                ? ClientError(operation(), .jobCancelled)
                : ClientError(operation(), .notFound, "\(Missing.reservedJob) (NOT_FOUND)")
        case .success(.cancelled):
            letGo(job, reservation, lane)
            throw ClientError(operation(), .jobCancelled)
        case .success(let reply):
            if finish == .always, !reply.isRefusal { letGo(job, reservation, lane) }
            return reply
        case .failure(.ended(_, let wasSent)) where !isClosed && (!wasSent || finish == .never):
            throw ClientError(operation(), .jobLost)
        case .failure(let failure): throw error(operation(), failure)
        }
    }

    /// Releases a job that has come for somebody who does not wait for it any more.
    func giveBackOrphan(_ id: JobID, on lane: Lane.ID) {
        let reservation = reserve(id, on: lane)
        Task { await giveBack(id, reservation, on: lane) }
    }

    /// Releases a job that nobody can name any more, unless it was reserved anew meanwhile.
    func giveBack(_ id: JobID, _ reservation: Lane.Reservation, on laneID: Lane.ID) async {
        guard let lane = lane(laneID), lane.heldJobs[id] == reservation else { return }
        let deadline = loop.now + options.replyTimeout.clampedNanoseconds
        let answer = await ask(.statsJob(id), by: deadline, on: lane)
        guard !lane.isEnded, lane.heldJobs[id] == reservation else { return }
        if case .success(.ok(let text)) = answer,
            let job = YAML.fields(of: text).flatMap({ JobStatistics(Statistics($0)) })
        {
            _ = await ask(.release(id, priority: job.priority, delay: 0), by: deadline, on: lane)
        } else if lane.id != shared {
            // With the connection the server gives it back, whatever it is.
            return lane.close()
        }
        letGo(id, reservation, lane)
    }
}
