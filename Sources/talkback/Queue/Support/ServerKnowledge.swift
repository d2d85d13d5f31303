// SPDX-License-Identifier: Apache-2.0

import TalkbackClient

/// What a server can be told of a job and asked about it.
enum ServerKnowledge: Comparable, Sendable {
    /// What beanstalkd knows.
    case basics
    /// The tags of put; a Talkback of before `describe-job`.
    case tags
    /// Everything.
    case descriptions

    /// Asks a server, with commands that no body follows.
    init(of client: Client) async throws(ClientError) {
        self = .descriptions
        do throws(ClientError) {
            _ = try await client.description(of: 0)
            return
        } catch {
            guard error.reason == .notUnderstood else { throw error }
        }
        self = .tags
        do throws(ClientError) {
            _ = try await client.status(of: 0)
        } catch {
            guard error.reason == .notUnderstood else { throw error }
            self = .basics
        }
    }
}

extension Client {
    /// All that is known of a job; `nil` if there is none.
    func record(of job: Job, _ knowledge: ServerKnowledge) async throws(ClientError) -> JobRecord? {
        if knowledge == .descriptions {
            return try await description(of: job.id).map { JobRecord($0, isTaken: false, body: job.body) }
        }
        do throws(ClientError) {
            let statistics = try await statistics(ofJob: job.id)
            return JobRecord(statistics, statistics.state, body: job.body)
        } catch {
            if error.reason == .notFound { return nil }
            throw error
        }
    }
}

extension ReservedJob {
    /// All that is known of a job that was ready until it was reserved.
    func record(_ knowledge: ServerKnowledge) async throws(ClientError) -> JobRecord {
        if knowledge == .descriptions { return JobRecord(try await description(), isTaken: true, body: body) }
        return JobRecord(try await statistics(), .ready, body: body)
    }
}
