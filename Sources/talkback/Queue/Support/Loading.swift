// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TalkbackClient

/// Puts jobs that were drained, with all that the server can be told of them.
final class Loading: Sendable {
    private let tube: Tube?
    private let knowledge: ServerKnowledge
    private let notes = Mutex(Notes())

    private struct Notes {
        /// Jobs whose keys others have.
        var formerCount = 0
        /// Jobs of which something was left out, and what that was.
        var reducedCount = 0
        var omitted: [String] = []
    }

    /// - Parameter tube: Where all jobs go; `nil` for where each was.
    init(into tube: Tube?, with knowledge: ServerKnowledge) {
        self.tube = tube
        self.knowledge = knowledge
    }

    /// What there is to say at the end.
    func summary(of count: Int) -> String {
        notes.withLock { notes in
            var text = "loaded \(count - notes.formerCount)"
            if notes.formerCount > 0 { text += "; of \(notes.formerCount) more, others have the keys" }
            if notes.reducedCount > 0 {
                text += "; \(notes.reducedCount) without what this server cannot keep: "
                text += notes.omitted.joined(separator: ", ")
            }
            return text
        }
    }

    func put(_ record: JobRecord, on client: isolated Client) async throws -> JobID {
        let tube = tube ?? record.tube ?? .default
        var options = record.options
        switch knowledge {
        case .descriptions:
            options.history = options.history ?? JobHistory()
            options.history?.isBuried = record.state == .buried
        case .tags: options.history = nil
        case .basics:
            note(record.talkbacksMembers)
            options = PutOptions(priority: options.priority, delay: options.delay, timeToRun: options.timeToRun)
        }
        let mustBeBuried = record.state == .buried && knowledge < .descriptions
        if mustBeBuried { options.delay = .seconds(Int64(UInt32.max)) }
        let (id, isNew) = try await put(record.body, into: tube, options, on: client)
        guard mustBeBuried, isNew else { return id }
        do throws(ClientError) {
            try await bury(id, record, on: client)
        } catch {
            // Somebody has kicked it or deleted it, and decided what becomes of it.
            if error.reason != .notFound { throw CleanError("\(error); job \(id) is put, and delayed") }
        }
        return id
    }

    private func put(
        _ body: [UInt8], into tube: Tube, _ options: PutOptions, on client: isolated Client
    ) async throws(ClientError) -> (id: JobID, isNew: Bool) {
        guard options.uniqueness != nil else { return (try await client.put(body, into: tube, options), true) }
        var options = options
        // Unless it says so, an outcome is not kept.
        options.keepOutcome = options.keepOutcome ?? .zero
        let submission = try await client.submit(body, to: tube, options)
        if submission.former != nil { notes.withLock { $0.formerCount += 1 } }
        return (submission.id, submission.former == nil)
    }

    private func bury(_ id: JobID, _ record: JobRecord, on client: isolated Client) async throws(ClientError) {
        let job = try await client.reserveJob(id)
        let reason = String(decoding: record.options.history?.reason ?? [], as: UTF8.self)
        if knowledge == .tags, !reason.isEmpty {
            _ = try await job.fail(reason, retry: .never)
        } else {
            try await job.bury(priority: record.options.priority)
        }
    }

    private func note(_ omitted: [String]) {
        guard !omitted.isEmpty else { return }
        notes.withLock { notes in
            notes.reducedCount += 1
            for member in omitted where !notes.omitted.contains(member) { notes.omitted.append(member) }
        }
    }
}
