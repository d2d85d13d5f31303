// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

/// What the replies to a command show, at most.
enum Narrowing: UInt8, Sendable {
    /// Anything: they wait for the newest mutation.
    case newest
    /// Those that come with a job's sequence, that job: they wait for it. The others wait for the newest mutation.
    case job
    /// Nothing that is stored, only what the connection itself has said or how the server is: they wait for nothing.
    case connection
}

/// Why a reply is made.
enum ReplyOrigin: Hashable, Sendable {
    /// It answers a command at once, or when its body has arrived.
    case command(CommandName)
    /// It refuses something without having looked at a job.
    case refusal
    /// It ends a wait, or belongs to one.
    case waiting(WaitingReply)
}

/// What a client is told that waits.
enum WaitingReply: UInt8, CaseIterable, Sendable {
    /// `RESERVED`
    case reserved
    /// `DEADLINE_SOON`
    case deadlineSoon
    /// `TIMED_OUT`
    case timedOut
    /// `STATE`
    case observed
}

/// Which replies may leave before the newest mutation is stored. All of them are here: what has no row waits.
struct Narrowings: Sendable {
    /// The table that servers use.
    static let standard: Narrowings = [
        // One job, with its body, its state or its times.
        .command(.reserve): .job,
        .command(.reserveWithTimeout): .job,
        .command(.reserveJob): .job,
        .command(.peek): .job,
        .command(.peekReady): .job,
        .command(.peekDelayed): .job,
        .command(.peekBuried): .job,
        .command(.touch): .job,
        .command(.progress): .job,
        .command(.statsJob): .job,
        .command(.state): .job,
        .command(.wait): .job,
        .command(.follow): .job,
        .command(.describeJob): .job,
        // `INSERTED <id> <state>`, the job that has the key. A new job is itself the newest mutation.
        .command(.put): .job,
        // `TOO_LATE`, the job that has ended.
        .command(.cancel): .job,
        .waiting(.reserved): .job,
        .waiting(.observed): .job,

        // The tubes that the connection uses and watches are its own, and end with it.
        .command(.use): .connection,
        .command(.watch): .connection,
        .command(.ignore): .connection,
        .command(.listTubeUsed): .connection,
        .command(.listTubesWatched): .connection,
        // The times of the jobs that a worker holds are not stored.
        .waiting(.deadlineSoon): .connection,
        .refusal: .connection,
    ]

    private var rows: [Narrowing]

    /// What the replies of an origin show, at most.
    subscript(origin: ReplyOrigin) -> Narrowing {
        get { rows[origin.index] }
        set { rows[origin.index] = newValue }
    }

    /// What a reply waits for.
    ///
    /// - Parameters:
    ///   - job: What the one job that it shows waits for; `nil` if it shows anything else.
    ///   - queue: The queue that it shows.
    func barrier(of origin: ReplyOrigin, showing job: JobSequence?, of queue: JobQueue) -> Barrier {
        switch (self[origin], job) {
        case (.connection, _): .none
        case (.job, let job?): .job(job)
        case (.job, nil), (.newest, _): .newest(of: queue)
        }
    }
}

extension Narrowings: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral rows: (ReplyOrigin, Narrowing)...) {
        self.rows = Array(repeating: .newest, count: 256)
        for (origin, narrowing) in rows { self[origin] = narrowing }
    }
}

extension ReplyOrigin: CaseIterable {
    static var allCases: [ReplyOrigin] {
        CommandName.allCases.map { .command($0) } + WaitingReply.allCases.map { .waiting($0) } + [.refusal]
    }

    /// The place of its row, so that finding it takes no search: the commands come first, then what waits.
    fileprivate var index: Int {
        switch self {
        case .command(let name): Int(name.rawValue)
        case .waiting(let reply): 192 + Int(reply.rawValue)
        case .refusal: 255
        }
    }
}
