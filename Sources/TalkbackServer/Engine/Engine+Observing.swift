// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// Pages ask what becomes of a job, wait for its end, and cancel it: see Documentation/protocol.md.
extension Engine {
    func state(of id: UInt64, at now: QueueTime) -> Execution {
        guard let status = queue.status(of: id, at: now) else { return reply(.notFound, to: .state) }
        return .reply(report(status, from: .command(.state)))
    }

    func wait(_ id: UInt64, _ seconds: UInt32, for client: ClientID, at now: QueueTime) -> Execution {
        switch queue.observe(id, .end, seconds: seconds, by: client, at: now) {
        case .notFound: reply(.notFound, to: .wait)
        case .over(let status): .reply(report(status, from: .command(.wait)))
        case .waiting: .waits
        }
    }

    func follow(_ id: UInt64, _ seconds: UInt32, for client: ClientID, at now: QueueTime) -> Execution {
        switch queue.observe(id, .everything, seconds: seconds, by: client, at: now) {
        case .notFound: reply(.notFound, to: .follow)
        case .over(let status): .reply(report(status, from: .command(.follow)))
        case .waiting(let status): .follows(report(status, from: .command(.follow)))
        }
    }

    func describe(_ id: UInt64, at now: QueueTime) -> Execution {
        guard let description = queue.description(of: id, at: now), let job = DescribedJob(description) else {
            return reply(.notFound, to: .describeJob)
        }
        return reply(.described(job), to: .describeJob, showing: description.statistics.sequence)
    }

    func cancel(_ id: UInt64, at now: QueueTime) -> Execution {
        switch queue.cancel(id, at: now) {
        case .cancelled: reply(.cancelled, to: .cancel)
        case .tooLate(let sequence): reply(.tooLate, to: .cancel, showing: sequence)
        case .notFound: reply(.notFound, to: .cancel)
        }
    }

    /// How a job is now that a client follows; `nil` if nothing is known of it any more.
    func report(onFollowed id: UInt64, at now: QueueTime) -> Answer? {
        queue.status(of: id, at: now).map { report($0, from: .waiting(.observed)) }
    }

    func report(_ status: JobStatus, from origin: ReplyOrigin) -> Answer {
        answer(.state(JobReport(status)), from: origin, showing: status.sequence)
    }
}

extension JobReport {
    fileprivate init(_ status: JobStatus) {
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
