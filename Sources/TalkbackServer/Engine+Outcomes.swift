// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// What beanstalkd does not have: see Documentation/protocol.md.
extension Engine {
    /// A connection that follows a job and has so many bytes unread is not told of more until it has read them.
    private static var unreadLimit: Int { 1 << 16 }

    func beginFinish(_ session: Session, _ id: UInt64, _ byteCount: Int) {
        session.unfinished = .finish(id, byteCount: byteCount)
        // Nobody fills the memory with results of jobs that are others'.
        let isHeld = queue.isHeld(id, by: session.client)
        let hasNoRoom = byteCount > 0 && (isStoreFull || pendingBytes + byteCount > options.maximumMemory)
        if !isHeld || hasNoRoom { session.parser.skipBody() }
    }

    func finish(_ id: UInt64, _ result: [UInt8], _ session: Session, _ now: QueueTime) -> Reply {
        // The disk may have become full since the line.
        if isStoreFull, !result.isEmpty, queue.isHeld(id, by: session.client) { return .outOfMemory }
        switch queue.finish(id, result, by: session.client, at: now) {
        case .taken: return .finished
        case .cancelled: return cancelled()
        case .notFound: return notFound()
        }
    }

    func fail(_ id: UInt64, _ retry: Retry, _ reason: [UInt8], _ session: Session, _ now: QueueTime) -> Reply {
        var delay: UInt32?
        var attempts: UInt32 = 0
        if case .after(let seconds, let most) = retry { (delay, attempts) = (seconds, most) }
        switch queue.fail(id, delay: delay, attempts: attempts, reason: reason, by: session.client, at: now) {
        case .taken(let place): return Reply(place)
        case .cancelled: return cancelled()
        case .notFound: return notFound()
        }
    }

    /// Says that a job was cancelled, by somebody who may not have been told yet.
    func cancelled() -> Reply {
        queue.showAll()
        return .cancelled
    }

    /// - Returns: `nil` if there is nothing to say yet.
    func observe(
        _ id: UInt64, _ interest: JobQueue.Interest, _ seconds: UInt32, _ session: Session, _ now: QueueTime
    ) -> Reply? {
        switch queue.observe(id, interest, seconds: seconds, by: session.client, at: now) {
        case .notFound: return notFound()
        case .over(let status): return .state(JobReport(status))
        case .waiting(let status):
            session.isWaiting = true
            return interest == .everything ? .state(JobReport(status)) : nil
        }
    }

    /// Adds how the job is that a client follows to what it is to be sent.
    ///
    /// - Returns: What is to be flushed then.
    func tell(_ client: ClientID, _ status: JobStatus) -> Session? {
        guard let session = sessions[client] else { return nil }
        guard session.unsentCount <= Self.unreadLimit else {
            session.missedJob = status.id
            return nil
        }
        add(.state(JobReport(status)), status.sequence, to: session)
        return session
    }

    /// Tells a client how the job is that has changed while it did not read.
    func catchUp(_ session: Session) {
        guard let id = session.missedJob else { return }
        session.missedJob = nil
        guard session.isWaiting, let status = queue.status(of: id, at: now) else { return }
        add(.state(JobReport(status)), status.sequence, to: session)
    }
}

extension JobTags {
    init(_ tags: [PutTag]) {
        self.init()
        for tag in tags {
            switch tag {
            case .unique(let key, let seconds): (self.key, keySeconds) = (key.bytes, seconds)
            case .keep(let seconds): keepSeconds = seconds
            case .attempts(let count): attempts = count
            case .backoff(let first, let most): backoff = Backoff(first: first, most: most)
            case .leaseOfConnection: isLeasedToConnection = true
            }
        }
    }
}

extension StoredState {
    init(_ state: JobStatus.State) {
        self =
            switch state {
            case .current(.ready): .ready
            case .current(.reserved): .reserved
            case .current(.delayed): .delayed
            case .current(.buried): .buried
            case .ended: .deleted
            }
    }
}

extension JobReport {
    init(_ status: JobStatus) {
        let state: State =
            switch status.state {
            case .current(.ready): .waiting
            case .current(.delayed): .delayed
            case .current(.reserved): .running
            case .current(.buried), .ended(.failed): .failed
            case .ended(.done): .done
            case .ended(.cancelled): .cancelled
            }
        self.init(
            id: status.id, state: state, attempt: status.attempt, attempts: status.attempts,
            seconds: UInt64(max(0, status.seconds)),
            percent: status.percent, data: status.data)
    }
}

extension Reply {
    init(_ place: JobQueue.Returned) {
        self =
            switch place {
            case .released: .released
            case .buried: .buried
            }
    }
}
