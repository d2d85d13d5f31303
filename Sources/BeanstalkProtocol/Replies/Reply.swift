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

    // Not beanstalkd's: see Documentation/protocol.md.

    /// `INSERTED`, with the state of the job that was there already under its key.
    case insertedBefore(UInt64, StoredState)
    /// `FINISHED`
    case finished
    /// `CANCELLED`
    case cancelled
    /// `TOO_LATE`: what was to be cancelled has ended.
    case tooLate
    /// `TOO_BIG`: a result or a reason.
    case tooBig
    /// `STATE`
    case state(JobReport)
    /// `DESCRIBED`
    case described(DescribedJob)

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

/// What a put is told of a job that was there before it.
public enum StoredState: String, CaseIterable, Hashable, Sendable {
    /// It waits for a worker.
    case ready = "READY"
    /// A worker has it.
    case reserved = "RESERVED"
    /// It waits for its time.
    case delayed = "DELAYED"
    /// It is aside.
    case buried = "BURIED"
    /// It has ended, and its key is remembered.
    case deleted = "DELETED"
}

/// How far a job is, or what came out.
public struct JobReport: Hashable, Sendable {
    /// What has become of a job.
    public enum State: String, CaseIterable, Hashable, Sendable {
        /// It waits for a worker.
        case waiting
        /// It waits for its time.
        case delayed
        /// A worker has it.
        case running
        /// It is done.
        case done
        /// It is aside, or was when it was deleted.
        case failed
        /// Nobody needed it any more.
        case cancelled

        /// Whether nothing more is to come, unless somebody kicks it.
        public var isEnd: Bool {
            switch self {
            case .waiting, .delayed, .running: false
            case .done, .failed, .cancelled: true
            }
        }
    }

    /// The job.
    public var id: UInt64
    /// What has become of it.
    public var state: State
    /// Which attempt it is, or how many there were.
    public var attempt: UInt32
    /// How many there may be; 0 for any number.
    public var attempts: UInt32
    /// Whole seconds since it is so.
    public var seconds: UInt64
    /// 0 to 100.
    public var percent: UInt8
    /// Of a running job the text of its last report, of one that is done the result, else why the last attempt failed.
    public var data: [UInt8]

    /// A report.
    public init(
        id: UInt64, state: State, attempt: UInt32, attempts: UInt32, seconds: UInt64, percent: UInt8, data: [UInt8]
    ) {
        self.id = id
        self.state = state
        self.attempt = attempt
        self.attempts = attempts
        self.seconds = seconds
        self.percent = percent
        self.data = data
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
        case .insertedBefore(let id, let state):
            appendText("INSERTED ")
            appendDecimal(id)
            append(UInt8(ascii: " "))
            append(contentsOf: state.rawValue.utf8)
            appendText("\r\n")
        case .finished: appendText("FINISHED\r\n")
        case .cancelled: appendText("CANCELLED\r\n")
        case .tooLate: appendText("TOO_LATE\r\n")
        case .tooBig: appendText("TOO_BIG\r\n")
        case .state(let report): append(report)
        case .described(let job): append(job)
        }
    }

    private mutating func append(_ report: JobReport) {
        appendText("STATE ")
        appendDecimal(report.id)
        append(UInt8(ascii: " "))
        append(contentsOf: report.state.rawValue.utf8)
        for number in [
            UInt64(report.attempt), UInt64(report.attempts), report.seconds, UInt64(report.percent),
            UInt64(report.data.count),
        ] {
            append(UInt8(ascii: " "))
            appendDecimal(number)
        }
        appendText("\r\n")
        append(contentsOf: report.data)
        appendText("\r\n")
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
