// SPDX-License-Identifier: Apache-2.0

import Foundation
import TalkbackClient

extension JobRecord {
    /// - Throws: `CleanError`, which says what is wrong with the line.
    init(line: [UInt8]) throws {
        let fields: Fields
        do {
            fields = try Self.decoder.decode(Fields.self, from: Data(line))
        } catch let error as DecodingError {
            throw CleanError(Self.reason(error))
        }
        guard let body = try Self.bytes(fields.body, fields.base64, "body", "base64") else {
            throw CleanError("there is neither body nor base64")
        }
        self.init(body: body)
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
        options = PutOptions(
            priority: try Self.number(fields.priority, "priority") ?? options.priority,
            delay: try Self.seconds(fields.delay, "delay") ?? options.delay,
            timeToRun: try Self.seconds(fields.time_to_run, "time_to_run") ?? options.timeToRun)
        try readTags(fields)
        let history = try Self.history(fields)
        if history != JobHistory() { options.history = history }
    }

    private mutating func readTags(_ fields: Fields) throws {
        if let key = fields.key {
            let duration = try Self.seconds(fields.key_seconds, "key_seconds") ?? .zero
            guard let uniqueness = Uniqueness(key: key, rememberedFor: duration) else {
                throw CleanError("no job can have the key \"\(key)\"")
            }
            options.uniqueness = uniqueness
        }
        options.keepOutcome = try Self.seconds(fields.keep, "keep")
        options.attempts = try Self.number(fields.attempts, "attempts", from: 1).map { Int($0) }
        if let first = try Self.seconds(fields.backoff, "backoff") {
            let longest = try Self.seconds(fields.backoff_longest, "backoff_longest")
            options.backoff = AttemptBackoff(first: first, longest: longest ?? first)
        }
        if let lease = fields.lease {
            guard lease == "connection" else { throw CleanError("lease is connection, not \"\(lease)\"") }
            options.lease = .connection
        }
    }

    private static func history(_ fields: Fields) throws -> JobHistory {
        let reason = try bytes(fields.reason, fields.reason_base64, "reason", "reason_base64") ?? []
        guard reason.count <= ReservedJob.maximumReasonSize else {
            throw CleanError("the reason has \(reason.count) bytes, and can have \(ReservedJob.maximumReasonSize)")
        }
        return JobHistory(
            attempt: try number(fields.tried, "tried") ?? 0, reserves: try number(fields.reserves, "reserves") ?? 0,
            timeouts: try number(fields.timeouts, "timeouts") ?? 0,
            releases: try number(fields.releases, "releases") ?? 0, buries: try number(fields.buries, "buries") ?? 0,
            kicks: try number(fields.kicks, "kicks") ?? 0, reason: reason)
    }

    private static let decoder = JSONDecoder()

    private static func bytes(
        _ text: String?, _ base64: String?, _ name: String, _ base64Name: String
    ) throws -> [UInt8]? {
        guard let base64 else { return text.map { Array($0.utf8) } }
        guard text == nil else { throw CleanError("there are both \(name) and \(base64Name)") }
        guard let data = Data(base64Encoded: base64) else { throw CleanError("\(base64Name) is not in base64") }
        return Array(data)
    }

    private static func number(_ number: Int64?, _ name: String, from least: UInt32 = 0) throws -> UInt32? {
        guard let number else { return nil }
        guard let value = UInt32(exactly: number), value >= least else {
            throw CleanError("\(name) is a number from \(least) to 4294967295, not \(number)")
        }
        return value
    }

    private static func seconds(_ number: Int64?, _ name: String) throws -> Duration? {
        try self.number(number, name).map { .seconds(Int64($0)) }
    }

    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct Fields: Decodable {
        var id: JobID?
        var tube: String?
        var state: String?
        var priority: Int64?
        var delay: Int64?
        var time_to_run: Int64?
        var key: String?
        var key_seconds: Int64?
        var keep: Int64?
        var attempts: Int64?
        var backoff: Int64?
        var backoff_longest: Int64?
        var lease: String?
        var tried: Int64?
        var reserves: Int64?
        var timeouts: Int64?
        var releases: Int64?
        var buries: Int64?
        var kicks: Int64?
        var reason: String?
        var reason_base64: String?
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
