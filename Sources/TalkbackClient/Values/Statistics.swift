// SPDX-License-Identifier: Apache-2.0

/// What a server says of a job, of a tube or of itself: `stats-job`, `stats-tube`, `stats`.
///
/// All fields that the server sent are there under their names; the ones that programs ask for most have properties.
public struct Statistics: Hashable, Sendable {
    /// The fields under the protocol's names, as text without quotes.
    public let fields: [String: String]
    /// The fields' names in the server's order.
    public let names: [String]

    init(_ fields: [(key: String, value: String)]) {
        names = fields.map(\.key)
        self.fields = Dictionary(fields.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// A field that is a number; `nil` if there is none.
    public func number(_ name: String) -> Int64? { fields[name].flatMap { Int64($0) } }
    /// A field that is text; `nil` if there is none.
    public func text(_ name: String) -> String? { fields[name] }
}

/// Where a job is in its life.
public enum JobState: String, Hashable, Sendable, CaseIterable {
    /// Waits for a worker.
    case ready
    /// Waits for its time.
    case delayed
    /// A worker has it.
    case reserved
    /// Set aside until it is kicked.
    case buried
}

/// What a server knows of a job: `stats-job`.
public struct JobStatistics: Hashable, Sendable, Identifiable {
    /// The job's number.
    public let id: JobID
    /// The tube that it was put into.
    public let tube: Tube
    /// Where it is in its life.
    public let state: JobState
    /// How urgent it is.
    public let priority: Priority
    /// How long ago it was put.
    public let age: Duration
    /// How long a worker has for it.
    public let timeToRun: Duration
    /// How long until it is ready, if it is delayed, or ready again, if it is reserved.
    public let timeLeft: Duration
    /// How often workers have reserved it.
    public let reserves: Int
    /// All that the server said.
    public let statistics: Statistics

    /// Whether it came back without a word, at least once: its time to run was over, or its worker gone.
    var wasLost: Bool {
        let returns = (statistics.number("releases") ?? 0) + (statistics.number("kicks") ?? 0)
        return reserves - 1 > Int(clamping: returns)
    }

    /// Whether it was reserved more often than it may be tried, as far as beanstalkd's counts say. They know nothing of
    /// when it was kicked, so each time that this brought it back from where it was buried is good for two: one to try
    /// it, and one that was for nothing if it was buried untried.
    func isUsedUp(after attempts: Int) -> Bool {
        let revivals = min(statistics.number("kicks") ?? 0, statistics.number("buries") ?? 0)
        return reserves - 2 * Int(clamping: max(0, min(revivals, 1 << 30))) > attempts
    }

    init?(_ statistics: Statistics) {
        guard let id = statistics.fields["id"].flatMap({ JobID($0) }),
            let tube = statistics.text("tube").flatMap({ Tube($0) }),
            let state = statistics.text("state").flatMap({ JobState(rawValue: $0) }),
            let priority = statistics.number("pri").flatMap({ Priority(exactly: $0) }),
            let age = statistics.number("age"), let timeToRun = statistics.number("ttr"),
            let timeLeft = statistics.number("time-left"),
            let reserves = statistics.number("reserves").flatMap({ Int(exactly: $0) })
        else { return nil }
        self.id = id
        self.tube = tube
        self.state = state
        self.priority = priority
        self.age = .seconds(age)
        self.timeToRun = .seconds(timeToRun)
        self.timeLeft = .seconds(timeLeft)
        self.reserves = reserves
        self.statistics = statistics
    }
}

/// What a server knows of a tube: `stats-tube`.
public struct TubeStatistics: Hashable, Sendable {
    /// The tube.
    public let tube: Tube
    /// Jobs that wait for a worker.
    public let ready: Int
    /// Jobs that workers have.
    public let reserved: Int
    /// Jobs that wait for their time.
    public let delayed: Int
    /// Jobs set aside.
    public let buried: Int
    /// Jobs that were ever put into it.
    public let total: Int
    /// Jobs that were deleted from it.
    public let deleted: Int
    /// Connections that wait for a job of it.
    public let waiting: Int
    /// How long until it gives out jobs again; zero unless it is paused.
    public let pauseLeft: Duration
    /// All that the server said.
    public let statistics: Statistics

    init?(_ statistics: Statistics) {
        func count(_ name: String) -> Int? { statistics.number(name).flatMap { Int(exactly: $0) } }
        guard let tube = statistics.text("name").flatMap({ Tube($0) }), let ready = count("current-jobs-ready"),
            let reserved = count("current-jobs-reserved"), let delayed = count("current-jobs-delayed"),
            let buried = count("current-jobs-buried"), let total = count("total-jobs"),
            let deleted = count("cmd-delete"), let waiting = count("current-waiting"),
            let pauseLeft = statistics.number("pause-time-left")
        else { return nil }
        self.tube = tube
        self.ready = ready
        self.reserved = reserved
        self.delayed = delayed
        self.buried = buried
        self.total = total
        self.deleted = deleted
        self.waiting = waiting
        self.pauseLeft = .seconds(pauseLeft)
        self.statistics = statistics
    }
}
