// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

/// How far a job is, or how it has ended.
public struct JobStatus: Hashable, Sendable, Identifiable {
    /// What has become of a job.
    public enum State: String, Hashable, Sendable, CaseIterable {
        /// It waits for a worker.
        case waiting
        /// It waits for its time.
        case delayed
        /// A worker has it.
        case running
        /// It is done.
        case done
        /// It has failed for good, and is set aside.
        case failed
        /// Nobody needed it any more.
        case cancelled
    }

    /// The job's number.
    public let id: JobID
    /// What has become of it.
    public let state: State
    /// Which attempt it is, or how many there were.
    public let attempt: Int
    /// How many there may be: what it was put with; `nil` if it is for its workers to say.
    public let attempts: Int?
    /// How long it is so, in whole seconds.
    public let duration: Duration
    /// How far its worker is: 0 to 100.
    public let percent: Int
    /// Of a running job what its worker has said last; of one that is done the result; otherwise why the last attempt
    /// has failed.
    public let data: [UInt8]

    /// The data as text; what is not UTF-8 is replaced.
    public var text: String { String(decoding: data, as: UTF8.self) }

    /// Why it has failed, or, while it waits for its next attempt, why the last one has; `nil` if nothing is known of a
    /// failure.
    public var reason: FailureReason? {
        switch state {
        case .waiting, .delayed: data.isEmpty ? nil : FailureReason(data)
        case .failed: FailureReason(data)
        case .running, .done, .cancelled: nil
        }
    }

    /// How it has ended; `nil` if it has not.
    public var outcome: Outcome? {
        switch state {
        case .waiting, .delayed, .running: nil
        case .done: .done(data)
        case .failed: .failed(reason: FailureReason(data))
        case .cancelled: .cancelled
        }
    }

    /// Whether it says the same, whenever it was said.
    func isSame(as other: JobStatus?) -> Bool {
        guard let other else { return false }
        return (state, attempt, percent, data) == (other.state, other.attempt, other.percent, other.data)
    }

    init(_ report: JobReport) {
        id = report.id
        state =
            switch report.state {
            case .waiting: .waiting
            case .delayed: .delayed
            case .running: .running
            case .done: .done
            case .failed: .failed
            case .cancelled: .cancelled
            }
        attempt = Int(report.attempt)
        attempts = report.attempts == 0 ? nil : Int(report.attempts)
        duration = .seconds(Int64(clamping: report.seconds))
        percent = Int(report.percent)
        data = report.data
    }
}

/// How a job has ended.
public enum Outcome: Hashable, Sendable {
    /// It is done, and this came out.
    case done([UInt8])
    /// It has failed too often, or for good.
    case failed(reason: FailureReason)
    /// Nobody needed it any more.
    case cancelled
}

/// The state of a job that was there before another was put with the same key.
public enum FormerState: Hashable, Sendable {
    /// It waits for a worker.
    case ready
    /// It waits for its time.
    case delayed
    /// A worker has it.
    case reserved
    /// It is set aside.
    case buried
    /// It has ended, and its key is still remembered.
    case ended

    init(_ state: StoredState) {
        self =
            switch state {
            case .ready: .ready
            case .delayed: .delayed
            case .reserved: .reserved
            case .buried: .buried
            case .deleted: .ended
            }
    }
}
