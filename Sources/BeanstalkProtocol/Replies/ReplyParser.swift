// SPDX-License-Identifier: Apache-2.0

/// Turns the bytes that a client receives into replies, however they are cut.
///
/// ```swift
/// var parser = ReplyParser()
/// var position = 0
/// while let reply = try parser.next(bytes.span, &position) { … }  // then all of the bytes are taken
/// ```
///
/// Room for a body is made as it arrives, not when it is announced.
public struct ReplyParser: ~Copyable, Sendable {
    /// The most bytes in a line, with its end: a tube's name and a word, and more than any server says today.
    public static let maximumLineLength = 1024
    /// The most bytes in a body: as many as a server can be told to take.
    public static let maximumBodySize = 1 << 30

    /// The line that a body belongs to.
    private enum Owner {
        case reserved(UInt64), found(UInt64), ok
        /// Its data are what follows.
        case state(JobReport)
        /// Its reason is what follows.
        case described(DescribedJob)
    }

    private var owner: Owner?
    /// How many bytes of the body, and of the two behind it, are missing.
    private var missing = 0
    /// The beginning of a line or a body that has not arrived whole.
    private var pending: [UInt8] = []

    /// A parser for one connection.
    public init() {}

    /// Whether a reply has begun and not ended.
    public var isInTheMiddle: Bool { owner != nil || !pending.isEmpty }

    /// Takes the next reply out of the bytes.
    ///
    /// - Parameters:
    ///   - bytes: What has been received.
    ///   - position: Where the bytes begin that were not taken yet; moved on.
    /// - Returns: What there is; `nil` once all bytes are taken and more are needed.
    /// - Throws: `ReplyError` if it is not the protocol. What follows cannot be understood then.
    public mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) throws(ReplyError) -> Reply? {
        while position < bytes.count {
            if let owner {
                guard let body = try nextBody(bytes, &position) else { return nil }
                self.owner = nil
                return switch owner {
                case .reserved(let id): .reserved(id, body: body)
                case .found(let id): .found(id, body: body)
                case .ok: .ok(body)
                case .state(let report): .state(report.with(body))
                case .described(let job): .described(job.with(body))
                }
            }
            if let reply = try nextLine(bytes, &position) { return reply }
        }
        return nil
    }

    /// - Returns: The reply; `nil` if the line has not ended, or a body follows.
    private mutating func nextLine(_ bytes: Span<UInt8>, _ position: inout Int) throws(ReplyError) -> Reply? {
        let start = position
        // A line of another protocol may never end as a line does here.
        if pending.isEmpty, !(0x41...0x5A).contains(bytes[start]), bytes[start] != 0x0D {
            throw ReplyError(beginningAt: start, of: bytes)
        }
        // The return may have come with the bytes before.
        var isReturn = pending.last == 0x0D
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if !(0x20...0x7E).contains(byte), byte != 0x0D, byte != 0x0A || !isReturn {
                throw ReplyError(beginningAt: start, of: bytes, after: pending)
            }
            if isReturn, byte == 0x0A {
                guard !pending.isEmpty else { return try take(bytes.extracting(start..<position - 2)) }
                keep(bytes.extracting(start..<position))
                let line = pending
                pending.removeAll(keepingCapacity: true)
                return try take(line.span.extracting(0..<line.count - 2))
            }
            isReturn = byte == 0x0D
            guard pending.count + position - start < Self.maximumLineLength else {
                throw ReplyError(bytes.extracting(start..<position), after: pending)
            }
        }
        keep(bytes.extracting(start..<position))
        return nil
    }

    private mutating func nextBody(_ bytes: Span<UInt8>, _ position: inout Int) throws(ReplyError) -> [UInt8]? {
        let count = min(missing, bytes.count - position)
        keep(bytes.extracting(position..<position + count))
        position += count
        missing -= count
        guard missing == 0 else { return nil }
        var body: [UInt8] = []
        swap(&body, &pending)
        guard body[body.count - 2] == 0x0D, body[body.count - 1] == 0x0A else {
            throw ReplyError(body.span.extracting(body.count - 2..<body.count))
        }
        body.removeLast(2)
        return body
    }

    private mutating func keep(_ bytes: Span<UInt8>) {
        // SAFETY: the bytes are copied during the call.
        unsafe bytes.withUnsafeBufferPointer { unsafe pending.append(contentsOf: $0) }
    }

    /// - Returns: The reply; `nil` if a body follows.
    private mutating func take(_ line: Span<UInt8>) throws(ReplyError) -> Reply? {
        if let reply = Self.plainReply(line) { return reply }
        var position = 0
        if line.skip("RESERVED ", &position) {
            let id = line.number(&position, as: UInt64.self)
            if let id, expectBody(.reserved(id), line, position) { return nil }
        } else if line.skip("FOUND ", &position) {
            let id = line.number(&position, as: UInt64.self)
            if let id, expectBody(.found(id), line, position) { return nil }
        } else if line.skip("OK ", &position) {
            if expectBody(.ok, line, position) { return nil }
        } else if line.skip("INSERTED ", &position) {
            if let id = line.number(&position, as: UInt64.self) {
                if position == line.count { return .inserted(id) }
                for state in StoredState.allCases where line.extracting(position...).isWhole(" \(state.rawValue)") {
                    return .insertedBefore(id, state)
                }
            }
        } else if line.skip("STATE ", &position) {
            if let report = Self.report(line, &position), expectBody(.state(report), line, position) { return nil }
        } else if line.skip("DESCRIBED ", &position) {
            if let (job, byteCount) = DescribedJob.read(line, &position) {
                owner = .described(job)
                missing = byteCount + 2
                return nil
            }
        } else if line.skip("BURIED ", &position) {
            if let id = line.lastNumber(position, as: UInt64.self) { return .buriedOnPut(id) }
        } else if line.skip("USING ", &position) {
            if let tube = line.lastTube(position) { return .using(tube) }
        } else if line.skip("WATCHING ", &position) {
            if let count = line.lastNumber(position, as: UInt32.self) { return .watching(Int(count)) }
        } else if line.skip("KICKED ", &position) {
            if let count = line.lastNumber(position, as: UInt32.self) { return .kicked(Int(count)) }
        }
        throw ReplyError(line)
    }

    /// A report, but for its data.
    private static func report(_ line: Span<UInt8>, _ position: inout Int) -> JobReport? {
        guard let id = line.number(&position, as: UInt64.self) else { return nil }
        let rest = line.extracting(position...)
        guard
            let state = JobReport.State.allCases.first(where: { rest.begins(with: Array(" \($0.rawValue) ".utf8).span) }
            )
        else { return nil }
        position += state.rawValue.utf8.count + 1
        guard let attempt = line.number(&position, as: UInt32.self),
            let attempts = line.number(&position, as: UInt32.self),
            let seconds = line.number(&position, as: UInt64.self),
            let percent = line.number(&position, as: UInt8.self), percent <= 100
        else { return nil }
        return JobReport(
            id: id, state: state, attempt: attempt, attempts: attempts, seconds: seconds, percent: percent, data: [])
    }

    private mutating func expectBody(_ owner: Owner, _ line: Span<UInt8>, _ position: Int) -> Bool {
        guard let count = line.lastNumber(position, as: UInt64.self), count <= UInt64(Self.maximumBodySize) else {
            return false
        }
        self.owner = owner
        missing = Int(count) + 2
        return true
    }

    /// The reply that is a word alone.
    private static func plainReply(_ line: Span<UInt8>) -> Reply? {
        for (word, reply) in plainReplies where line.isWhole(word) { return reply }
        return nil
    }

    private static let plainReplies: [(StaticString, Reply)] = [
        ("DELETED", .deleted), ("TIMED_OUT", .timedOut), ("NOT_FOUND", .notFound), ("RELEASED", .released),
        ("BURIED", .buried), ("TOUCHED", .touched), ("KICKED", .kickedJob), ("PAUSED", .paused),
        ("DEADLINE_SOON", .deadlineSoon), ("NOT_IGNORED", .notIgnored), ("EXPECTED_CRLF", .expectedCRLF),
        ("JOB_TOO_BIG", .jobTooBig), ("DRAINING", .draining), ("OUT_OF_MEMORY", .outOfMemory),
        ("INTERNAL_ERROR", .internalError), ("BAD_FORMAT", .badFormat), ("UNKNOWN_COMMAND", .unknownCommand),
        ("FINISHED", .finished), ("CANCELLED", .cancelled), ("TOO_LATE", .tooLate), ("TOO_BIG", .tooBig),
    ]
}

extension Span<UInt8> {
    fileprivate func isWhole(_ word: StaticString) -> Bool {
        var position = 0
        return count == word.utf8CodeUnitCount && skip(word, &position)
    }

    fileprivate func isWhole(_ text: String) -> Bool {
        count == text.utf8.count && begins(with: Array(text.utf8).span)
    }
}

extension JobReport {
    fileprivate func with(_ data: [UInt8]) -> JobReport {
        var report = self
        report.data = data
        return report
    }
}

extension DescribedJob {
    fileprivate func with(_ reason: [UInt8]) -> DescribedJob {
        var job = self
        job.reason = reason
        return job
    }
}

/// What a server sent is not the protocol.
public struct ReplyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line, or its beginning.
    public let line: [UInt8]

    init(_ line: Span<UInt8>, after beginning: [UInt8] = []) {
        self.line = beginning.prefix(80) + (0..<min(line.count, 80)).map { line[$0] }
    }

    /// A line whose end was not found, up to what is certainly another one.
    fileprivate init(beginningAt start: Int, of bytes: Span<UInt8>, after beginning: [UInt8] = []) {
        var end = start
        while end < bytes.count, end < start + 80, bytes[end] != 0x0A, bytes[end] != 0x0D { end += 1 }
        self.init(bytes.extracting(start..<end), after: beginning)
    }

    /// The line in quotes, with what cannot be printed escaped.
    public var description: String {
        "\"" + line.map { (0x20...0x7E).contains($0) ? String(UnicodeScalar($0)) : "\\x" + hex($0) }.joined() + "\""
    }

    private func hex(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16)
        return text.count == 1 ? "0" + text : text
    }
}
