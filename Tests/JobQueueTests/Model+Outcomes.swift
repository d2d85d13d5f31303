// SPDX-License-Identifier: Apache-2.0

import JobQueue

// What beanstalkd does not have.
extension Model {
    private func answer<Value>(_ id: UInt64, _ client: ClientID, _ body: (Int) -> Value) -> JobQueue.Answer<Value> {
        if let index = job(id), jobs[index].holder == client { return .taken(body(index)) }
        guard let index = clients.firstIndex(where: { $0.id == client }), clients[index].cancelled.remove(id) != nil
        else { return .notFound }
        return .cancelled
    }

    /// What a queue says that does not record.
    private static let unrecorded = JobSnapshot(id: 0, body: []).sequence

    func progress(_ id: UInt64, _ percent: UInt8, _ text: [UInt8], _ client: ClientID) -> JobQueue.Answer<JobSequence> {
        answer(id, client) { index in
            _ = touch(id, client)
            (jobs[index].percent, jobs[index].text) = (percent, text)
            tellObservers(index)
            return Self.unrecorded
        }
    }

    func finish(_ id: UInt64, _ result: [UInt8], _ client: ClientID) -> JobQueue.Answer<JobQueue.Done> {
        answer(id, client) { index in
            end(index, .done, result)
            return .done
        }
    }

    func fail(
        _ id: UInt64, delay: UInt32?, attempts: UInt32, _ reason: [UInt8], _ client: ClientID
    ) -> JobQueue.Answer<JobQueue.Returned> {
        answer(id, client) { index in
            guard var delay else {
                jobs[index].reason = reason
                die(index)
                return .buried
            }
            if let backoff = jobs[index].tags?.backoff {
                // As one would count on one's fingers.
                var seconds = UInt64(backoff.first)
                for _ in 1..<max(1, jobs[index].attempt) { seconds = min(2 * seconds, UInt64(backoff.most)) }
                delay = UInt32(seconds)
            }
            let own = jobs[index].tags?.attempts ?? 0
            let isLast = own == 0 && attempts > 0 && jobs[index].attempt >= attempts
            return giveBack(index, delay, reason, isLast: isLast)
        }
    }

    func cancel(_ id: UInt64) -> JobQueue.Cancellation {
        guard let index = job(id) else {
            guard let outcome = keptOutcome(id) else { return .notFound }
            return outcome.end == .cancelled ? .cancelled : .tooLate(Self.unrecorded)
        }
        if jobs[index].state == .buried { return .tooLate(Self.unrecorded) }
        if let holder = clients.firstIndex(where: { $0.id == jobs[index].holder }) {
            clients[holder].cancelled.insert(id)
        }
        end(index, .cancelled, [])
        return .cancelled
    }

    func keptOutcome(_ id: UInt64) -> Outcome? {
        outcomes.first { $0.job.id == id && $0.keptUntil > now }
    }

    // MARK: Observing

    private func status(_ job: Job) -> JobStatus {
        let isReserved = job.state == .reserved
        return JobStatus(
            id: job.id, state: .current(job.state), attempt: job.attempt, attempts: job.tags?.attempts ?? 0,
            seconds: (now - job.since) / Self.second,
            percent: isReserved ? job.percent : 0, data: isReserved ? job.text : job.reason)
    }

    func status(_ outcome: Outcome) -> JobStatus {
        JobStatus(
            id: outcome.job.id, state: .ended(outcome.end), attempt: outcome.job.attempt,
            attempts: outcome.job.tags?.attempts ?? 0,
            seconds: (now - outcome.time) / Self.second, percent: outcome.end == .done ? 100 : 0, data: outcome.data)
    }

    func status(of id: UInt64) -> JobStatus? {
        job(id).map { status(jobs[$0]) } ?? keptOutcome(id).map { status($0) }
    }

    func observe(
        _ id: UInt64, _ interest: JobQueue.Interest, seconds: UInt32, _ client: ClientID
    ) -> JobQueue.Observation {
        guard let status = status(of: id) else { return .notFound }
        if status.isEnd || (seconds == 0 && interest == .end) { return .over(status) }
        guard let index = clients.firstIndex(where: { $0.id == client }) else { return .notFound }
        clients[index].observed = (id, interest == .everything, now + Int64(seconds) * Self.second)
        return .waiting(status)
    }

    func stopObserving(_ id: ClientID) {
        guard let index = clients.firstIndex(where: { $0.id == id }), let observed = clients[index].observed,
            let status = status(of: observed.id)
        else { return }
        clients[index].observed = nil
        effects.append(observed.isFollower ? .timedOut(id) : .observed(id, status, isLast: true))
    }

    func tellObservers(_ index: Int) { tellObservers(of: jobs[index].id, status(jobs[index])) }

    func tellObservers(of id: UInt64, _ status: JobStatus) {
        for index in clients.indices {
            guard let observed = clients[index].observed, observed.id == id, observed.isFollower || status.isEnd else {
                continue
            }
            effects.append(.observed(clients[index].id, status, isLast: status.isEnd))
            if status.isEnd { clients[index].observed = nil }
        }
    }
}
