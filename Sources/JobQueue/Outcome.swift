// SPDX-License-Identifier: Apache-2.0

/// What is remembered of a job that has ended.
public struct OutcomeRecord: Hashable, Sendable {
    /// The job's number.
    public var id: UInt64
    /// The name of its tube.
    public var tube: [UInt8]
    /// Its key; empty for none.
    public var key: [UInt8]
    /// How it has ended.
    public var end: JobEnd
    /// How many attempts there were.
    public var attempt: UInt32
    /// How many there might have been; 0 for any number.
    public var attempts: UInt32
    /// When it has ended.
    public var time: QueueTime
    /// Until when the outcome can be asked for.
    public var keptUntil: QueueTime
    /// Until when there is no other job with its key.
    public var uniqueUntil: QueueTime
    /// The result, or the reason.
    public var data: [UInt8]

    /// What is remembered of a job.
    public init(
        id: UInt64, tube: [UInt8], key: [UInt8], end: JobEnd, attempt: UInt32, attempts: UInt32, time: QueueTime,
        keptUntil: QueueTime, uniqueUntil: QueueTime, data: [UInt8]
    ) {
        self.id = id
        self.tube = tube
        self.key = key
        self.end = end
        self.attempt = attempt
        self.attempts = attempts
        self.time = time
        self.keptUntil = keptUntil
        self.uniqueUntil = uniqueUntil
        self.data = data
    }

    /// About how many bytes it takes.
    var memory: Int { data.count + tube.count + key.count + 250 }
}

/// Its timer is the end of what it is remembered for.
final class Outcome: Timed {
    var time = QueueTime(nanoseconds: 0)
    var timerIndex: Int32 = -1
    var record: OutcomeRecord
    /// The last recorded mutation of the job.
    var sequence: UInt64 = 0
    var isForgotten = false

    init(_ record: OutcomeRecord) {
        self.record = record
    }
}

/// The outcomes that are kept, and in which order they came.
struct OutcomeTable {
    private var byID: [UInt64: Outcome] = [:]
    /// The oldest first; those that are forgotten are left in it for a while.
    private var order: [Outcome] = []
    private var first = 0
    private(set) var byteCount = 0
    /// How many were dropped before their time.
    var dropCount: UInt64 = 0

    var count: Int { byID.count }

    subscript(id: UInt64) -> Outcome? { byID[id] }

    mutating func insert(_ outcome: Outcome) {
        byID[outcome.record.id] = outcome
        byteCount += outcome.record.memory
        order.append(outcome)
    }

    mutating func remove(_ outcome: Outcome) {
        guard !outcome.isForgotten else { return }
        outcome.isForgotten = true
        byID[outcome.record.id] = nil
        byteCount -= outcome.record.memory
        outcome.record.data = []
        if order.count > 2 * byID.count + 32 {
            order.removeAll { $0.isForgotten }
            first = 0
        }
    }

    /// Forgets the data of an outcome of which only the key matters any more.
    mutating func removeData(of outcome: Outcome) {
        byteCount -= outcome.record.memory
        outcome.record.data = []
        byteCount += outcome.record.memory
    }

    /// The oldest.
    mutating func oldest() -> Outcome? {
        while first < order.count {
            if !order[first].isForgotten { return order[first] }
            first += 1
        }
        return nil
    }
}
