// SPDX-License-Identifier: Apache-2.0

import Foundation
import TalkbackClient

/// A job as a line of JSON: what it takes to put it again.
struct JobRecord: Sendable {
    /// The number that it had.
    var id: JobID?
    /// The tube that it was in.
    var tube: Tube?
    var state: JobState = .ready
    var priority: Priority = 1024
    /// How many seconds are left until it is ready.
    var delay: UInt32 = 0
    var timeToRun: UInt32 = 60
    var body: [UInt8]

    /// - Parameter state: What it is, or was before it was reserved.
    init(_ statistics: JobStatistics, _ state: JobState, body: [UInt8]) {
        id = statistics.id
        tube = statistics.tube
        self.state = state
        priority = statistics.priority
        // The server leaves fractions out, and a job must not be ready before its time.
        delay = state == .delayed ? UInt32(clamping: statistics.timeLeft.components.seconds) + 1 : 0
        timeToRun = UInt32(clamping: statistics.timeToRun.components.seconds)
        self.body = body
    }

    var line: [UInt8] {
        var object = JSONObject()
        if let id { object.add("id", number: id) }
        if let tube { object.add("tube", text: "\(tube)") }
        object.add("state", text: state.rawValue)
        object.add("priority", number: priority)
        object.add("delay", number: delay)
        object.add("time_to_run", number: timeToRun)
        object.add(body: body)
        return object.line
    }

    var options: PutOptions {
        PutOptions(priority: priority, delay: .seconds(Int64(delay)), timeToRun: .seconds(Int64(timeToRun)))
    }
}

// MARK: Reading

extension JobRecord {
    /// - Throws: `CleanError`, which says what is wrong with the line.
    init(line: [UInt8]) throws {
        let fields: Fields
        do {
            fields = try Self.decoder.decode(Fields.self, from: Data(line))
        } catch let error as DecodingError {
            throw CleanError(Self.reason(error))
        }
        switch (fields.body, fields.base64) {
        case (let text?, nil): body = Array(text.utf8)
        case (nil, let text?):
            guard let data = Data(base64Encoded: text) else { throw CleanError("base64 is not in base64") }
            body = Array(data)
        case (nil, nil): throw CleanError("there is neither body nor base64")
        case (_?, _?): throw CleanError("there are both body and base64")
        }
        id = fields.id
        tube = try fields.tube.map { name in
            guard let tube = Tube(name) else { throw CleanError("no tube can be named \"\(name)\"") }
            return tube
        }
        if let name = fields.state {
            guard let state = JobState(rawValue: name), state != .reserved else {
                throw CleanError("state is ready, delayed or buried, not \"\(name)\"")
            }
            self.state = state
        }
        priority = try Self.number(fields.priority, "priority") ?? priority
        delay = try Self.number(fields.delay, "delay") ?? delay
        timeToRun = try Self.number(fields.time_to_run, "time_to_run") ?? timeToRun
    }

    private static let decoder = JSONDecoder()

    private static func number(_ number: Int64?, _ name: String) throws -> UInt32? {
        guard let number else { return nil }
        guard let value = UInt32(exactly: number) else {
            throw CleanError("\(name) is a number from 0 to 4294967295, not \(number)")
        }
        return value
    }

    private struct Fields: Decodable {
        var id: JobID?
        var tube: String?
        var state: String?
        var priority: Int64?
        var delay: Int64?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var time_to_run: Int64?
        var body: String?
        var base64: String?
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context) where context.codingPath.isEmpty: "it is not a JSON object"
        case .typeMismatch(_, let context), .dataCorrupted(let context):
            if let field = context.codingPath.last {
                "\(field.stringValue) has a value that it cannot have"
            } else {
                "it is not JSON"
            }
        default: "it is not a job"
        }
    }
}
