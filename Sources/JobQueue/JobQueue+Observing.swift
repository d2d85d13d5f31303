// SPDX-License-Identifier: Apache-2.0

// Those who want to know what becomes of a job.
extension JobQueue {
    /// What a client wants to know of a job.
    public enum Interest: Hashable, Sendable {
        /// How it ends.
        case end
        /// Everything up to the end.
        case everything
    }

    /// What a client is told that asks for more than how a job is now.
    public enum Observation: Hashable, Sendable {
        /// It waits. Whoever wants to know everything is told how the job is now.
        case waiting(JobStatus)
        /// The job is so, and there is nothing to wait for.
        case over(JobStatus)
        /// There is no such job, and nothing is known of one.
        case notFound
    }

    /// How a job is, or how it has ended; `nil` if nothing is known of it.
    public func status(of id: UInt64, at now: QueueTime) -> JobStatus? {
        jobs[id].map { JobStatus($0, at: now) } ?? outcome(id, at: now).map { JobStatus($0, at: now) }
    }

    /// Lets a client wait for the end of a job.
    ///
    /// - Parameter seconds: How long.
    public func observe(
        _ id: UInt64, _ interest: Interest, seconds: UInt32, by client: ClientID, at now: QueueTime
    ) -> Observation {
        guard let client = clients[client], !client.isWaiting, client.observed == nil,
            let status = status(of: id, at: now)
        else { return .notFound }
        guard !status.isEnd, seconds > 0 || interest == .everything else { return .over(status) }
        jobs[id]?.isObserved = true
        client.observed = id
        client.isFollower = interest == .everything
        client.waitEnd = now + seconds
        timers.clients.set(client, to: now + seconds)
        client.observerIndex = observers[id]?.count ?? 0
        observers[id, default: []].append(client)
        totals.observers += 1
        return .waiting(status)
    }

    func endObservation(_ client: Client) {
        guard let id = client.observed else { return }
        client.observed = nil
        timers.clients.remove(client)
        totals.observers -= 1
        guard let last = observers[id]?.popLast() else { return }
        if last !== client {
            observers[id]?[client.observerIndex] = last
            last.observerIndex = client.observerIndex
        } else if observers[id]?.isEmpty == true {
            observers[id] = nil
            jobs[id]?.isObserved = false
        }
    }

    /// The time is over, and the job has not ended.
    func observationIsOver(_ client: Client, at now: QueueTime) {
        guard let id = client.observed, let status = status(of: id, at: now) else { return }
        endObservation(client)
        effects.append(
            client.isFollower ? .timedOut(client.id) : .observed(client.id, status, isLast: true))
    }

    /// Tells those who follow a job that it is different now.
    @inline(__always)
    func hasChanged(_ job: Job, at now: QueueTime) {
        if job.isObserved { tellObservers(of: job.id, JobStatus(job, at: now)) }
    }

    func tellObservers(of id: UInt64, _ status: JobStatus) {
        guard let clients = observers[id] else { return }
        for client in clients where client.isFollower || status.isEnd {
            if status.isEnd { endObservation(client) }
            effects.append(.observed(client.id, status, isLast: status.isEnd))
        }
    }
}
