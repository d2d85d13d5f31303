// SPDX-License-Identifier: Apache-2.0

/// What the server answers: one line, and what goes with it.
public enum Reply: Hashable, Sendable {
    /// `INSERTED`: the job is kept, under this number.
    case inserted(UInt64)
    /// `BURIED`, in answer to a put that found no room in the queue.
    case buriedOnPut(UInt64)
    /// `EXPECTED_CRLF`: the body does not end where it was to end.
    case expectedCRLF
    /// `JOB_TOO_BIG`
    case jobTooBig
    /// `DRAINING`: no more jobs are taken.
    case draining
    /// `USING`
    case using(TubeName)
    /// `RESERVED`, with the job's body.
    case reserved(UInt64, body: [UInt8])
    /// `DEADLINE_SOON`: the time for a job that the connection holds ends within a second.
    case deadlineSoon
    /// `TIMED_OUT`
    case timedOut
    /// `DELETED`
    case deleted
    /// `RELEASED`
    case released
    /// `BURIED`
    case buried
    /// `TOUCHED`
    case touched
    /// `WATCHING`: how many tubes are watched.
    case watching(Int)
    /// `NOT_IGNORED`: it is the only tube that is watched.
    case notIgnored
    /// `FOUND`, with the job's body.
    case found(UInt64, body: [UInt8])
    /// `KICKED`: how many jobs.
    case kicked(Int)
    /// `KICKED`, the one job.
    case kickedJob
    /// `PAUSED`
    case paused
    /// `OK`, with text in YAML.
    case ok([UInt8])
    /// `NOT_FOUND`
    case notFound
    /// `OUT_OF_MEMORY`
    case outOfMemory
    /// `INTERNAL_ERROR`
    case internalError
    /// `BAD_FORMAT`
    case badFormat
    /// `UNKNOWN_COMMAND`
    case unknownCommand

    /// The answer to what is no command.
    public init(_ error: CommandError) {
        self =
            switch error {
            case .badFormat: .badFormat
            case .unknownCommand: .unknownCommand
            case .expectedCRLF: .expectedCRLF
            }
    }
}

extension [UInt8] {
    /// Appends a reply as it goes over the wire.
    public mutating func append(_ reply: Reply) {
        switch reply {
        case .inserted(let id): appendLine("INSERTED ", id)
        case .buriedOnPut(let id): appendLine("BURIED ", id)
        case .expectedCRLF: appendText("EXPECTED_CRLF\r\n")
        case .jobTooBig: appendText("JOB_TOO_BIG\r\n")
        case .draining: appendText("DRAINING\r\n")
        case .using(let tube):
            appendText("USING ")
            append(contentsOf: tube.bytes)
            appendText("\r\n")
        case .reserved(let id, let body): appendJob("RESERVED ", id, body)
        case .deadlineSoon: appendText("DEADLINE_SOON\r\n")
        case .timedOut: appendText("TIMED_OUT\r\n")
        case .deleted: appendText("DELETED\r\n")
        case .released: appendText("RELEASED\r\n")
        case .buried: appendText("BURIED\r\n")
        case .touched: appendText("TOUCHED\r\n")
        case .watching(let count): appendLine("WATCHING ", UInt64(count))
        case .notIgnored: appendText("NOT_IGNORED\r\n")
        case .found(let id, let body): appendJob("FOUND ", id, body)
        case .kicked(let count): appendLine("KICKED ", UInt64(count))
        case .kickedJob: appendText("KICKED\r\n")
        case .paused: appendText("PAUSED\r\n")
        case .ok(let text): appendBody("OK ", text)
        case .notFound: appendText("NOT_FOUND\r\n")
        case .outOfMemory: appendText("OUT_OF_MEMORY\r\n")
        case .internalError: appendText("INTERNAL_ERROR\r\n")
        case .badFormat: appendText("BAD_FORMAT\r\n")
        case .unknownCommand: appendText("UNKNOWN_COMMAND\r\n")
        }
    }

    mutating func appendText(_ text: StaticString) {
        // SAFETY: the text lives for ever; its bytes are copied.
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    private mutating func appendLine(_ text: StaticString, _ number: UInt64) {
        appendText(text)
        appendDecimal(number)
        appendText("\r\n")
    }

    private mutating func appendJob(_ text: StaticString, _ id: UInt64, _ body: [UInt8]) {
        appendText(text)
        appendDecimal(id)
        append(UInt8(ascii: " "))
        appendDecimal(UInt64(body.count))
        appendText("\r\n")
        append(contentsOf: body)
        appendText("\r\n")
    }

    private mutating func appendBody(_ text: StaticString, _ body: [UInt8]) {
        appendLine(text, UInt64(body.count))
        append(contentsOf: body)
        appendText("\r\n")
    }

    /// Appends a number without making a string of it, or anything else.
    mutating func appendDecimal(_ number: UInt64) {
        let start = count
        var rest = number
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        var (first, last) = (start, count - 1)
        while first < last {
            swapAt(first, last)
            first += 1
            last -= 1
        }
    }
}
