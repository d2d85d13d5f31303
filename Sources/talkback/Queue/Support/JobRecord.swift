// SPDX-License-Identifier: Apache-2.0

import TalkbackClient

/// A job as a line of JSON: what it takes to put it again.
struct JobRecord: Sendable {
    /// The number that it had.
    var id: JobID?
    /// The tube that it was in.
    var tube: Tube?
    var state: JobState = .ready
    /// How it is put: the delay is what is left until it is ready.
    var options = PutOptions()
    var body: [UInt8]

    init(body: [UInt8]) {
        self.body = body
    }

    /// - Parameter state: What it is, or was before it was reserved.
    init(_ statistics: JobStatistics, _ state: JobState, body: [UInt8]) {
        self.init(body: body)
        id = statistics.id
        tube = statistics.tube
        self.state = state
        options = PutOptions(priority: statistics.priority, timeToRun: statistics.timeToRun)
        if state == .delayed { options.delay = Self.delay(statistics.timeLeft) }
    }

    /// - Parameter isTaken: Whether whoever asks has reserved it, ready as it was, so that this attempt does not count.
    init(_ description: JobDescription, isTaken: Bool, body: [UInt8]) {
        self.init(body: body)
        id = description.id
        tube = description.tube
        state = isTaken ? .ready : description.state
        options = description.options
        options.delay = state == .delayed ? Self.delay(description.timeLeft) : .zero
        if isTaken, var history = options.history {
            if history.attempt > 0 { history.attempt -= 1 }
            if history.reserves > 0 { history.reserves -= 1 }
            options.history = history
        }
        if options.history == JobHistory() { options.history = nil }
    }

    /// The server leaves fractions out, and a job must not be ready before its time.
    private static func delay(_ timeLeft: Duration) -> Duration {
        min(max(timeLeft, .zero) + .seconds(1), .seconds(Int64(UInt32.max)))
    }

    /// What of it beanstalkd cannot keep, in the words of the lines; how often it was tried matters only to what is
    /// among them.
    var talkbacksMembers: [String] {
        var members: [String] = []
        if options.uniqueness != nil { members.append("key") }
        if options.keepOutcome ?? .zero > .zero { members.append("keep") }
        if options.attempts != nil { members.append("attempts") }
        if options.backoff != nil { members.append("backoff") }
        if options.lease == .connection { members.append("lease") }
        if options.history?.reason.isEmpty == false { members.append("reason") }
        return members
    }

    var line: [UInt8] {
        var object = JSONObject()
        if let id { object.add("id", number: id) }
        if let tube { object.add("tube", text: "\(tube)") }
        addTags(&object)
        if let history = options.history { add(history, &object) }
        // In every line, and in this order, which somebody's script may know.
        object.add("state", text: state.rawValue)
        object.add("priority", number: options.priority)
        object.add("delay", number: options.delay.components.seconds)
        object.add("time_to_run", number: options.timeToRun.components.seconds)
        object.add("body", orBase64: "base64", body)
        return object.line
    }

    private func addTags(_ object: inout JSONObject) {
        if let uniqueness = options.uniqueness {
            object.add("key", text: uniqueness.key)
            if uniqueness.duration > .zero {
                object.add("key_seconds", number: uniqueness.duration.components.seconds)
            }
        }
        if let keep = options.keepOutcome { object.add("keep", number: keep.components.seconds) }
        if let attempts = options.attempts { object.add("attempts", number: attempts) }
        if let backoff = options.backoff {
            object.add("backoff", number: backoff.first.components.seconds)
            if backoff.longest > backoff.first {
                object.add("backoff_longest", number: backoff.longest.components.seconds)
            }
        }
        if options.lease == .connection { object.add("lease", text: "connection") }
    }

    private func add(_ history: JobHistory, _ object: inout JSONObject) {
        for (name, number) in [
            ("tried", history.attempt), ("reserves", history.reserves), ("timeouts", history.timeouts),
            ("releases", history.releases), ("buries", history.buries), ("kicks", history.kicks),
        ] where number > 0 {
            object.add(name, number: number)
        }
        if !history.reason.isEmpty { object.add("reason", orBase64: "reason_base64", history.reason) }
    }
}
