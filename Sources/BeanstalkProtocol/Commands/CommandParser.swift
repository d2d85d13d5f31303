// SPDX-License-Identifier: Apache-2.0

/// Turns the bytes that a connection receives into commands, however they are cut.
///
/// ```swift
/// var parser = CommandParser(maximumJobSize: 65_535)
/// var position = 0
/// while let input = parser.next(bytes.span, &position) { … }  // then all of the bytes are taken
/// ```
///
/// Limits come first: a line has at most 224 bytes with its end, those that have tags or a text 512; a body has no more
/// than it announced, and room for it is made as it arrives.
public struct CommandParser: ~Copyable, Sendable {
    /// The most bytes in a line, with the carriage return and the line feed that end it.
    public static let maximumLineLength = 224
    /// The most bytes in the line of a put or a report.
    public static let maximumLongLineLength = 512
    /// The most bytes in a result.
    public static let maximumResultSize = 1 << 20
    /// The most bytes in the reason of a failure.
    public static let maximumReasonSize = 4096

    /// What the bytes so far are.
    public enum Input: Hashable, Sendable {
        /// A command, whole. After a put, a finish or a fail the body follows.
        case command(Command)
        /// The body of the last command that one follows, whole.
        case body([UInt8])
        /// The line is to be answered with an error.
        case error(CommandError)
        /// A put of a job that was too big; its body was skipped.
        case jobTooBig
        /// A result or a reason that was too big; it was skipped.
        case outcomeTooBig
        /// The end of a body that was skipped because of ``CommandParser/skipBody()``.
        case skippedBody
    }

    private enum State {
        case line
        /// The rest of a line that is too long is thrown away up to its end.
        case longLine(lastWasReturn: Bool)
        /// The body and the two bytes behind it, of which so many are missing.
        case body(missing: Int)
        /// A body that is not wanted, with the two bytes behind it, and what it is when it has been skipped.
        case skipping(Int, Skipped)
    }

    private enum Skipped {
        case jobTooBig, outcomeTooBig, badTags, unwanted

        var input: Input {
            switch self {
            case .jobTooBig: .jobTooBig
            case .outcomeTooBig: .outcomeTooBig
            case .badTags: .error(.badFormat)
            case .unwanted: .skippedBody
            }
        }
    }

    private var state = State.line
    private let maximumJobSize: Int
    /// The beginning of a line or a body that has not arrived whole.
    private var pending: [UInt8] = []

    /// A parser for one connection.
    ///
    /// - Parameter maximumJobSize: The most bytes that a body may have.
    public init(maximumJobSize: Int) {
        self.maximumJobSize = maximumJobSize
    }

    /// Takes the next command out of the bytes.
    ///
    /// - Parameters:
    ///   - bytes: What has been received.
    ///   - position: Where the bytes begin that were not taken yet; moved on.
    /// - Returns: What there is; `nil` once all bytes are taken and more are needed.
    public mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) -> Input? {
        while position < bytes.count {
            switch state {
            case .line:
                if let input = nextLine(bytes, &position) { return input }
            case .longLine(let lastWasReturn):
                if skipLine(bytes, &position, lastWasReturn) { return .error(.badFormat) }
            case .body(let missing):
                if let input = nextBody(bytes, &position, missing) { return input }
            case .skipping(let count, let reason):
                let skipped = min(count, bytes.count - position)
                position += skipped
                state = .skipping(count - skipped, reason)
                if skipped == count {
                    state = .line
                    return reason.input
                }
            }
        }
        return nil
    }

    /// Whether a command or a body has begun and not ended.
    public var isInTheMiddle: Bool {
        if case .line = state { !pending.isEmpty } else { true }
    }

    /// How many bytes are kept of a line or a body that has not arrived whole.
    public var pendingCount: Int { pending.count }

    /// Throws away the body that has begun, and what is still to come of it.
    public mutating func skipBody() {
        guard case .body(let missing) = state else { return }
        pending = []
        state = .skipping(missing, .unwanted)
    }

    private mutating func nextLine(_ bytes: Span<UInt8>, _ position: inout Int) -> Input? {
        let room = max(0, Self.maximumLineLength - pending.count)
        let limit = min(bytes.count, position + room)
        // The return may have come with the bytes before.
        var isReturn = pending.last == 0x0D
        var index = position
        while index < limit {
            let byte = bytes[index]
            index += 1
            if isReturn, byte == 0x0A { return line(bytes, &position, end: index) }
            isReturn = byte == 0x0D
        }
        if index - position == room { return nextLongLine(bytes, &position, index, isReturn) }
        keep(bytes.extracting(position..<index))
        position = index
        return nil
    }

    /// Goes on with a line that is longer than most may be.
    private mutating func nextLongLine(
        _ bytes: Span<UInt8>, _ position: inout Int, _ start: Int, _ lastWasReturn: Bool
    ) -> Input? {
        var index = start
        var isReturn = lastWasReturn
        if mayBeLong(bytes, position) {
            let limit = min(bytes.count, position + Self.maximumLongLineLength - pending.count)
            while index < limit {
                let byte = bytes[index]
                index += 1
                if isReturn, byte == 0x0A { return line(bytes, &position, end: index) }
                isReturn = byte == 0x0D
            }
            if pending.count + index - position < Self.maximumLongLineLength {
                keep(bytes.extracting(position..<index))
                position = index
                return nil
            }
        }
        position = index
        pending.removeAll(keepingCapacity: true)
        state = .longLine(lastWasReturn: isReturn)
        return nil
    }

    /// Whether the line that begins with what is pending, and goes on with these bytes, is one that may be long.
    private func mayBeLong(_ bytes: Span<UInt8>, _ position: Int) -> Bool {
        func isBegunBy(_ word: StaticString) -> Bool {
            // SAFETY: the word's bytes are read during the call.
            word.withUTF8Buffer { word in
                for index in word.indices {
                    let byte = index < pending.count ? pending[index] : bytes[position + index - pending.count]
                    guard unsafe byte == word[index] else { return false }
                }
                return true
            }
        }
        return isBegunBy("put ") || isBegunBy("progress ")
    }

    /// A line whose end is just before `end`.
    private mutating func line(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> Input? {
        let start = position
        position = end
        let parsed: ParsedLine
        if pending.isEmpty {
            parsed = ParsedLine(bytes.extracting(start..<end - 2), maximumJobSize: maximumJobSize)
        } else {
            keep(bytes.extracting(start..<end))
            parsed = ParsedLine(
                pending.span.extracting(0..<pending.count - 2), maximumJobSize: maximumJobSize)
            pending.removeAll(keepingCapacity: true)
        }
        switch parsed {
        case .command(let command):
            if let byteCount = command.bodySize { state = .body(missing: byteCount + 2) }
            return .command(command)
        case .tooBig(let byteCount): state = .skipping(byteCount + 2, .jobTooBig)
        case .outcomeTooBig(let byteCount): state = .skipping(byteCount + 2, .outcomeTooBig)
        case .badTags(let byteCount): state = .skipping(byteCount + 2, .badTags)
        case .badFormat: return .error(.badFormat)
        case .unknown: return .error(.unknownCommand)
        }
        return nil
    }

    /// - Returns: Whether the line has ended.
    private mutating func skipLine(_ bytes: Span<UInt8>, _ position: inout Int, _ lastWasReturn: Bool) -> Bool {
        var isReturn = lastWasReturn
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if isReturn, byte == 0x0A {
                state = .line
                return true
            }
            isReturn = byte == 0x0D
        }
        state = .longLine(lastWasReturn: isReturn)
        return false
    }

    private mutating func nextBody(_ bytes: Span<UInt8>, _ position: inout Int, _ missing: Int) -> Input? {
        let count = min(missing, bytes.count - position)
        keep(bytes.extracting(position..<position + count))
        position += count
        state = .body(missing: missing - count)
        guard count == missing else { return nil }
        state = .line
        var body: [UInt8] = []
        swap(&body, &pending)
        guard body[body.count - 2] == 0x0D, body[body.count - 1] == 0x0A else { return .error(.expectedCRLF) }
        body.removeLast(2)
        return .body(body.withoutSpareRoom)
    }

    private mutating func keep(_ bytes: Span<UInt8>) {
        // SAFETY: the bytes are copied during the call.
        unsafe bytes.withUnsafeBufferPointer { unsafe pending.append(contentsOf: $0) }
    }
}

/// Why a line or a body is no command.
public enum CommandError: Hashable, Sendable {
    /// The words are right and what follows is not, or the line is too long.
    case badFormat
    /// No command begins like this.
    case unknownCommand
    /// The body does not end where it was to end.
    case expectedCRLF
}

extension Command {
    /// The number of bytes in the body that follows; `nil` for none.
    fileprivate var bodySize: Int? {
        switch self {
        case .put(let header): header.byteCount
        case .finish(_, let byteCount), .fail(_, _, let byteCount): byteCount
        default: nil
        }
    }
}

extension [UInt8] {
    /// The same bytes, in no more room than they need: what came in pieces has up to twice as much, and may be kept for
    /// long.
    fileprivate var withoutSpareRoom: [UInt8] {
        guard capacity > count + count / 8 + 64 else { return self }
        var exact: [UInt8] = []
        exact.reserveCapacity(count)
        exact += self
        return exact
    }
}
