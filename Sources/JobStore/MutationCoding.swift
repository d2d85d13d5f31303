// SPDX-License-Identifier: Apache-2.0

internal import JobQueue

// How mutations are written down one after another: each as a byte for its kind, four for the length of the rest, and
// its fields. Numbers are in LEB128, as most are small. Times are stored times: see `StoreTime`.

/// What a mutation is about.
struct MutationHeader {
    enum Kind: UInt8 {
        case put = 1
        case change, delete, end, forgetData, forget, pause
    }

    let kind: Kind
    /// The job's; of a pause 0.
    let id: UInt64
    /// How often something had changed about a job that is gone.
    let changes: UInt8

    private init(_ kind: Kind, _ id: UInt64, changes: UInt8 = 0) {
        self.kind = kind
        self.id = id
        self.changes = changes
    }

    init(_ mutation: Mutation) {
        switch mutation {
        case .put(let job): self.init(.put, job.id)
        case .change(let change): self.init(.change, change.id)
        case .delete(let id, let changes): self.init(.delete, id, changes: changes)
        case .end(let id, let changes, _): self.init(.end, id, changes: changes)
        case .forgetData(let id): self.init(.forgetData, id)
        case .forget(let id): self.init(.forget, id)
        case .pause: self.init(.pause, 0)
        }
    }

    fileprivate init?(_ kind: Kind, _ fields: inout FieldReader) {
        let id = fields.number()
        let changes = kind == .delete || kind == .end ? fields.byte() : 0
        guard !fields.hasFailed else { return nil }
        self.init(kind, id, changes: changes)
    }
}

extension [UInt8] {
    /// Appends a mutation.
    ///
    /// - Parameters:
    ///   - mutation: What is appended.
    ///   - offset: From the zero of the queue's times to the zero of stored times.
    mutating func append(_ mutation: Mutation, offset: Int64) {
        let header = MutationHeader(mutation)
        append(header.kind.rawValue)
        let start = count
        for _ in 0..<4 { append(0) }
        append(number: header.id)
        switch mutation {
        case .put(let job):
            append(number: UInt64(job.priority))
            append(number: UInt64(job.delay))
            append(number: UInt64(job.timeToRun))
            append(job.creation, offset)
            // Of a job that is ready it says nothing.
            append(job.delay == 0 ? QueueTime(nanoseconds: 0) : job.due, job.delay == 0 ? 0 : offset)
            append(sized: job.tube)
            append(sized: job.body)
            append(job.tags == nil ? 0 : 1)
            if let tags = job.tags { append(tags) }
        case .change(let change):
            append(UInt8(change.state.storedNumber))
            append(number: UInt64(change.priority))
            append(number: UInt64(change.delay))
            append(
                change.state == .delayed ? change.due : QueueTime(nanoseconds: 0), change.state == .delayed ? offset : 0
            )
            append(number: UInt64(bitPattern: change.burial))
            append(number: UInt64(change.counts.reserves))
            append(number: UInt64(change.counts.timeouts))
            append(number: UInt64(change.counts.releases))
            append(number: UInt64(change.counts.buries))
            append(number: UInt64(change.counts.kicks))
            append(number: UInt64(change.formerReserves))
            append(sized: change.reason)
        case .delete(_, let changes):
            append(changes)
        case .end(_, let changes, let outcome):
            append(changes)
            append(outcome == nil ? 0 : 1)
            if let outcome { append(outcome, offset) }
        case .forgetData, .forget:
            break
        case .pause(let tube, let seconds, let until):
            append(sized: tube)
            append(number: UInt64(seconds))
            append(until, offset)
        }
        let length = UInt32(truncatingIfNeeded: count - start - 4)
        for index in 0..<4 { self[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
    }

    private mutating func append(_ tags: JobTags) {
        append(sized: tags.key)
        append(number: UInt64(tags.keySeconds))
        append(number: UInt64(tags.keepSeconds))
        append(number: UInt64(tags.attempts))
        append(tags.backoff == nil ? 0 : 1)
        if let backoff = tags.backoff {
            append(number: UInt64(backoff.first))
            append(number: UInt64(backoff.most))
        }
        append(tags.isLeasedToConnection ? 1 : 0)
    }

    private mutating func append(_ outcome: OutcomeRecord, _ offset: Int64) {
        append(number: outcome.id)
        append(sized: outcome.tube)
        append(sized: outcome.key)
        append(sized: Array(outcome.end.rawValue.utf8))
        append(number: UInt64(outcome.attempt))
        append(number: UInt64(outcome.attempts))
        append(outcome.time, offset)
        append(outcome.keptUntil, offset)
        append(outcome.uniqueUntil, offset)
        append(sized: outcome.data)
    }

    private mutating func append(_ time: QueueTime, _ offset: Int64) {
        append(number: UInt64(bitPattern: time.nanoseconds &+ offset))
    }

    private mutating func append(sized bytes: [UInt8]) {
        append(number: UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    private mutating func append(number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}

/// Reads mutations that were written down one after another.
struct MutationReader {
    private let bytes: [UInt8]
    /// Of the next mutation.
    private var position = 0
    private let end: Int
    private var record = 0..<0

    /// Reads up to a place, or all.
    init(_ bytes: [UInt8], through end: Int? = nil) {
        self.bytes = bytes
        self.end = end ?? bytes.count
    }

    var isAtEnd: Bool { position == end }

    /// What the next mutation is about.
    ///
    /// - Returns: `nil` when there is none, and when it cannot be read: then this is not at the end.
    mutating func next() -> MutationHeader? {
        guard end - position >= 5, let kind = MutationHeader.Kind(rawValue: bytes[position]) else { return nil }
        var length = 0
        for index in 0..<4 { length |= Int(bytes[position + 1 + index]) << (8 * index) }
        let start = position + 5
        guard length <= end - start else { return nil }
        var fields = FieldReader(bytes, start..<start + length)
        guard let header = MutationHeader(kind, &fields) else { return nil }
        record = start..<start + length
        position = record.upperBound
        return header
    }

    /// About how many bytes the mutation may make SQLite write that ``next()`` has said the header of.
    func cost(_ header: MutationHeader) -> Int {
        record.count + (header.kind == .put ? 1000 : header.kind == .end ? 16_384 : 8192)
    }

    /// The mutation that ``next()`` has said the header of. Its times are stored times.
    ///
    /// - Returns: `nil` when it cannot be read.
    func mutation(_ header: MutationHeader) -> Mutation? {
        var fields = FieldReader(bytes, record)
        _ = MutationHeader(header.kind, &fields)
        let mutation: Mutation
        switch header.kind {
        case .put:
            var job = JobRecord(
                id: header.id, tube: [], priority: fields.number32(), delay: fields.number32(),
                timeToRun: fields.number32(), creation: fields.time(), due: fields.time(), body: [])
            job.tube = fields.bytes()
            job.body = fields.bytes()
            if fields.byte() != 0 { job.tags = fields.tags() }
            mutation = .put(job)
        case .change:
            let state = JobState(storedNumber: Int64(fields.byte()))
            var change = JobChange(
                id: header.id, state: state, priority: fields.number32(), delay: fields.number32(), due: fields.time(),
                burial: Int64(bitPattern: fields.number()), counts: JobCounts())
            change.counts.reserves = fields.number32()
            change.counts.timeouts = fields.number32()
            change.counts.releases = fields.number32()
            change.counts.buries = fields.number32()
            change.counts.kicks = fields.number32()
            change.formerReserves = fields.number32()
            change.reason = fields.bytes()
            mutation = .change(change)
        case .delete:
            mutation = .delete(header.id, changes: header.changes)
        case .end:
            mutation = .end(header.id, changes: header.changes, fields.byte() == 0 ? nil : fields.outcome())
        case .forgetData:
            mutation = .forgetData(header.id)
        case .forget:
            mutation = .forget(header.id)
        case .pause:
            let tube = fields.bytes()
            mutation = .pause(tube, seconds: fields.number32(), until: fields.time())
        }
        return fields.hasFailed ? nil : mutation
    }
}

/// Reads the fields of one mutation. What is not there is read as 0, and remembered.
private struct FieldReader {
    private let source: [UInt8]
    private var position: Int
    private let end: Int
    private(set) var hasFailed = false

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        source = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func byte() -> UInt8 {
        guard position < end else {
            hasFailed = true
            return 0
        }
        position += 1
        return source[position - 1]
    }

    mutating func number() -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let byte = byte()
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        hasFailed = true
        return 0
    }

    mutating func number32() -> UInt32 {
        guard let number = UInt32(exactly: number()) else {
            hasFailed = true
            return 0
        }
        return number
    }

    mutating func time() -> QueueTime { QueueTime(nanoseconds: Int64(bitPattern: number())) }

    mutating func bytes() -> [UInt8] {
        let count = number()
        guard count <= UInt64(end - position) else {
            hasFailed = true
            return []
        }
        position += Int(count)
        return Array(source[position - Int(count)..<position])
    }

    mutating func tags() -> JobTags {
        let key = bytes()
        var tags = JobTags(key: key, keySeconds: number32(), keepSeconds: number32(), attempts: number32())
        if byte() != 0 { tags.backoff = JobTags.Backoff(first: number32(), most: number32()) }
        tags.isLeasedToConnection = byte() != 0
        return tags
    }

    mutating func outcome() -> OutcomeRecord {
        let id = number()
        let tube = bytes()
        let key = bytes()
        let end = JobEnd(rawValue: String(decoding: bytes(), as: UTF8.self)) ?? .failed
        return OutcomeRecord(
            id: id, tube: tube, key: key, end: end, attempt: number32(), attempts: number32(), time: time(),
            keptUntil: time(), uniqueUntil: time(), data: bytes())
    }
}
