// SPDX-License-Identifier: Apache-2.0

/// Everything about a job but its body.
public struct DescribedJob: Hashable, Sendable {
    /// What a job is doing, in the words of `stats-job`.
    public enum State: String, CaseIterable, Hashable, Sendable {
        /// It waits for a worker.
        case ready
        /// A worker has it.
        case reserved
        /// It waits for its time.
        case delayed
        /// It is aside.
        case buried
    }

    /// The job.
    public var id: UInt64
    /// The tube that it was put into.
    public var tube: TubeName
    /// What it is doing.
    public var state: State
    /// Whole seconds since it was put.
    public var age: UInt64
    /// Whole seconds until a delayed job is ready, or a reserved one is taken back.
    public var timeLeft: UInt64
    /// The most urgent is 0.
    public var priority: UInt32
    /// The last delay in seconds.
    public var delay: UInt32
    /// Seconds that a worker has for it.
    public var timeToRun: UInt32
    /// What a put would say of it: all tags but ``PutTag/buried`` and ``PutTag/reason(byteCount:)``.
    public var tags: [PutTag]
    /// Why the last attempt has failed; empty if nobody said.
    public var reason: [UInt8]

    /// A description.
    public init(
        id: UInt64, tube: TubeName, state: State, age: UInt64, timeLeft: UInt64, priority: UInt32, delay: UInt32,
        timeToRun: UInt32, tags: [PutTag] = [], reason: [UInt8] = []
    ) {
        self.id = id
        self.tube = tube
        self.state = state
        self.age = age
        self.timeLeft = timeLeft
        self.priority = priority
        self.delay = delay
        self.timeToRun = timeToRun
        self.tags = tags
        self.reason = reason
    }
}

extension [UInt8] {
    mutating func append(_ job: DescribedJob) {
        appendText("DESCRIBED ")
        appendDecimal(job.id)
        append(UInt8(ascii: " "))
        append(contentsOf: job.tube.bytes)
        append(UInt8(ascii: " "))
        append(contentsOf: job.state.rawValue.utf8)
        appendNumber(job.age)
        appendNumber(job.timeLeft)
        appendNumber(UInt64(job.priority))
        appendNumber(UInt64(job.delay))
        appendNumber(UInt64(job.timeToRun))
        appendNumber(UInt64(job.reason.count))
        for tag in job.tags { append(tag) }
        appendText("\r\n")
        append(contentsOf: job.reason)
        appendText("\r\n")
    }
}

extension DescribedJob {
    /// Reads what follows the word, but for the reason.
    ///
    /// - Returns: The job, and how many bytes the reason has; `nil` if it cannot be read. Tags that are not known are
    ///   left out: a later server may have more.
    static func read(_ line: Span<UInt8>, _ position: inout Int) -> (job: DescribedJob, byteCount: Int)? {
        guard let id = line.number(&position, as: UInt64.self), let tube = line.tube(&position),
            let state = State.allCases.first(where: { line.skip(" " + $0.rawValue, &position) }),
            let age = line.number(&position, as: UInt64.self),
            let timeLeft = line.number(&position, as: UInt64.self),
            let priority = line.number(&position, as: UInt32.self),
            let delay = line.number(&position, as: UInt32.self),
            let timeToRun = line.number(&position, as: UInt32.self),
            let byteCount = line.number(&position, as: UInt32.self), byteCount <= ReplyParser.maximumBodySize,
            let tags = line.knownTags(&position)
        else { return nil }
        let job = DescribedJob(
            id: id, tube: tube, state: state, age: age, timeLeft: timeLeft, priority: priority, delay: delay,
            timeToRun: timeToRun, tags: tags)
        return (job, Int(byteCount))
    }
}

extension Span<UInt8> {
    fileprivate func skip(_ text: String, _ position: inout Int) -> Bool {
        guard extracting(position...).begins(with: Array(text.utf8).span) else { return false }
        position += text.utf8.count
        return true
    }
}
