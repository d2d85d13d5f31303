// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// Workers get jobs, and say what becomes of them.
extension Engine {
    /// - Parameter timeout: In seconds; `nil` for as long as it takes.
    func reserve(
        _ timeout: UInt32?, _ name: CommandName, for client: ClientID, at now: QueueTime
    ) -> Execution {
        switch queue.reserve(for: client, timeout: timeout, at: now) {
        case .job(let job): reply(.reserved(job.id, body: job.body), to: name, showing: job.sequence)
        case .deadlineSoon: refuse(.deadlineSoon)
        case .timedOut: reply(.timedOut, to: name)
        case .waiting: .waits
        }
    }

    func reserveJob(_ id: UInt64, for client: ClientID, at now: QueueTime) -> Execution {
        guard let job = queue.reserve(id, for: client, at: now) else { return reply(.notFound, to: .reserveJob) }
        return reply(.reserved(job.id, body: job.body), to: .reserveJob, showing: job.sequence)
    }

    func touch(_ id: UInt64, for client: ClientID, at now: QueueTime) -> Execution {
        guard let sequence = queue.touch(id, by: client, at: now) else { return reply(.notFound, to: .touch) }
        return reply(.touched, to: .touch, showing: sequence)
    }

    func progress(
        _ id: UInt64, _ percent: UInt8, _ text: [UInt8], for client: ClientID, at now: QueueTime
    ) -> Execution {
        switch queue.progress(id, percent: percent, text: text, by: client, at: now) {
        case .taken(let sequence): reply(.touched, to: .progress, showing: sequence)
        case .cancelled: reply(.cancelled, to: .progress)
        case .notFound: reply(.notFound, to: .progress)
        }
    }

    func beginFinish(_ id: UInt64, _ byteCount: Int, for client: ClientID) -> Execution {
        let command = UnfinishedCommand.finish(id, byteCount: byteCount)
        // Nobody fills the memory with results of jobs that are others'.
        let isHeld = queue.isHeld(id, by: client)
        let hasRoom = byteCount == 0 || (!isStoreFull && hasRoom(forResultOf: byteCount))
        return isHeld && hasRoom ? .awaitsBody(command) : .skipsBody(command)
    }

    func finish(_ id: UInt64, _ result: [UInt8], for client: ClientID, at now: QueueTime) -> Execution {
        // The disk may have become full since the line.
        if isStoreFull, !result.isEmpty, queue.isHeld(id, by: client) { return refuse(.outOfMemory) }
        return switch queue.finish(id, result, by: client, at: now) {
        case .taken: reply(.finished, to: .finish)
        case .cancelled: reply(.cancelled, to: .finish)
        case .notFound: reply(.notFound, to: .finish)
        }
    }

    func fail(
        _ id: UInt64, _ retry: Retry, _ reason: [UInt8], for client: ClientID, at now: QueueTime
    ) -> Execution {
        var delay: UInt32?
        var attempts: UInt32 = 0
        if case .after(let seconds, let most) = retry { (delay, attempts) = (seconds, most) }
        return switch queue.fail(id, delay: delay, attempts: attempts, reason: reason, by: client, at: now) {
        case .taken(let place): reply(Reply(place), to: .fail)
        case .cancelled: reply(.cancelled, to: .fail)
        case .notFound: reply(.notFound, to: .fail)
        }
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
