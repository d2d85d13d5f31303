// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

/// Takes all jobs of a tube into a file: reserves some, writes them, deletes them, and so on.
struct Draining {
    private let tube: Tube
    private let file: DrainFile
    private let knowledge: ServerKnowledge
    private let interruption = Interruption()
    private var progress: Progress
    private var counts: [JobState: Int] = [:]
    /// Jobs that are in the file, and that somebody else has reserved before they were deleted.
    private var lostCount = 0

    /// How many jobs are reserved before they are written.
    private static let batchSize = 4096
    /// The same for jobs that a crash makes ready.
    private static let smallBatchSize = 128
    private static let batchBytes = 8 << 20
    /// How long jobs are held, which may have a time to run of a second.
    private static let batchTime = Duration.milliseconds(250)

    /// - Parameter count: How many jobs there are, about.
    init(of tube: Tube, to file: DrainFile, about count: Int, _ knowledge: ServerKnowledge) {
        self.tube = tube
        self.file = file
        self.knowledge = knowledge
        progress = Progress("drained", of: count)
    }

    private var count: Int { counts.values.reduce(0, +) }

    /// A job that is reserved until it is in the file.
    private struct Taken: Sendable {
        let job: ReservedJob
        let record: JobRecord
    }

    consuming func run(on client: isolated Client) async throws {
        do {
            var before = -1
            // What was delayed may have become ready meanwhile.
            while count > before {
                before = count
                while try await store(try await takeReady(client), client) {}
                // A tube that is paused gives out no ready ones otherwise.
                for state in [JobState.ready, .delayed, .buried] {
                    while try await store(try await take(state, client), client) {}
                }
            }
        } catch {
            progress.end()
            throw CleanError("\(error); \(summary)")
        }
        progress.end()
        try await report(client)
    }

    private func report(_ client: isolated Client) async throws {
        var text = summary
        let left = try await reservedCount(client)
        if left > 0 { text += "; \(left) that workers have reserved left in the queue" }
        if interruption.wasRequested { throw CleanError("drain \(tube): interrupted; \(text)") }
        if lostCount > 0 {
            throw CleanError(
                "drain \(tube): \(text); \(lostCount) of them were reserved by workers before they could be deleted")
        }
        StandardStreams.complain(text)
        if count == 0 { throw ExitCode.nothingThere }
    }

    private var summary: String {
        let states = [JobState.ready, .delayed, .buried].compactMap { state in
            counts[state].map { "\($0) \(state.rawValue)" }
        }
        return "drained \(count)" + (states.isEmpty ? "" : ": " + states.joined(separator: ", "))
    }

    private func reservedCount(_ client: isolated Client) async throws -> Int {
        do throws(ClientError) {
            return try await client.statistics(of: tube).reserved
        } catch  where error.reason == .notFound {
            return 0
        }
    }

    // MARK: Taking

    /// What is taken until it is written.
    private struct Batch {
        private(set) var jobs: [Taken] = []
        private var ids: Set<JobID> = []
        private var byteCount = 0
        private let end = ContinuousClock.now.advanced(by: Draining.batchTime)
        let limit: Int

        init(limit: Int) {
            self.limit = limit
        }

        var isFull: Bool { jobs.count >= limit || byteCount >= Draining.batchBytes || ContinuousClock.now >= end }

        mutating func append(_ taken: Taken) {
            // One whose time to run was over could come again.
            guard ids.insert(taken.job.id).inserted else { return }
            byteCount += taken.record.body.count
            jobs.append(taken)
        }
    }

    /// Reserves ready jobs, many at a time.
    private func takeReady(_ client: isolated Client) async throws -> Batch {
        var batch = Batch(limit: Self.batchSize)
        var pipeline = Pipeline<Taken?>()
        var window = Window()
        var hasEnded = false
        while true {
            while !hasEnded, !interruption.wasRequested, !batch.isFull, pipeline.count < window.size,
                batch.jobs.count + pipeline.count < batch.limit
            {
                pipeline.start(on: client) { [tube, knowledge] client in
                    guard let job = try await client.reserve(from: [tube], timeout: .zero) else { return nil }
                    return Taken(job: job, record: try await job.record(knowledge))
                }
            }
            if pipeline.count == 0 { return batch }
            do {
                if let taken = try await pipeline.next(on: client) ?? nil {
                    window.note(taken.record.body.count)
                    batch.append(taken)
                } else {
                    hasEnded = true
                }
            } catch let error as ClientError where error.reason == .notFound {
                // Its time to run was over at once.
            }
        }
    }

    /// Reserves jobs of a state, each when its number is known.
    private func take(_ state: JobState, _ client: isolated Client) async throws -> Batch {
        var batch = Batch(limit: Self.smallBatchSize)
        var last: JobID?
        var next = try await client.peek(state, in: tube)
        while let job = next, job.id != last, !batch.isFull, !interruption.wasRequested {
            last = job.id
            var record = Pipeline<JobRecord?>()
            record.start(on: client) { [knowledge] client in try await client.record(of: job, knowledge) }
            var reservation = Pipeline<ReservedJob>()
            reservation.start(on: client) { client in try await client.reserveJob(job.id) }
            // On its way behind the two.
            var peek = Pipeline<Job?>()
            peek.start(on: client) { [tube] client in try await client.peek(state, in: tube) }
            do {
                let known = try await record.next(on: client) ?? nil
                if let reserved = try await reservation.next(on: client), let known {
                    batch.append(Taken(job: reserved, record: known))
                }
            } catch let error as ClientError where error.reason == .notFound {
                // Somebody else has it, or has deleted it.
            }
            next = try await peek.next(on: client) ?? nil
        }
        return batch
    }

    // MARK: Writing and deleting

    /// - Returns: Whether there may be more.
    private mutating func store(_ batch: Batch, _ client: isolated Client) async throws -> Bool {
        if batch.jobs.isEmpty { return false }
        do {
            try await file.append(batch.jobs.flatMap { $0.record.line })
        } catch {
            await handBack(batch, client)
            throw error
        }
        var pipeline = Pipeline<Void>()
        for taken in batch.jobs {
            pipeline.start(on: client) { _ in try await taken.job.delete() }
        }
        var failure: (any Error)?
        for taken in batch.jobs {
            counts[taken.record.state, default: 0] += 1
            do {
                _ = try await pipeline.next(on: client)
            } catch let error as ClientError where error.reason == .notFound {
                lostCount += 1
            } catch {
                failure = failure ?? error
            }
        }
        progress.show(count)
        if let failure { throw CleanError("\(failure); what could not be deleted is in the file and in the queue") }
        return !interruption.wasRequested
    }

    /// Makes jobs what they were, as far as the protocol can.
    private func handBack(_ batch: Batch, _ client: isolated Client) async {
        var pipeline = Pipeline<Void>()
        for taken in batch.jobs {
            // When that fails too, the end of the connection gives them back.
            pipeline.start(on: client) { client in try? await Self.handBack(taken.job, taken.record, client) }
        }
        while (try? await pipeline.next(on: client)) != nil {}
    }

    private static func handBack(
        _ job: ReservedJob, _ record: JobRecord, _ client: isolated Client
    ) async throws(ClientError) {
        let options = record.options
        let reason = String(decoding: options.history?.reason ?? [], as: UTF8.self)
        guard record.state != .buried else {
            // Only a failure has a reason.
            if reason.isEmpty { return try await job.bury(priority: options.priority) }
            _ = try await job.fail(reason, retry: .never)
            return
        }
        if try await job.release(priority: options.priority, delay: options.delay) == .buried {
            // To reserve it was its last attempt.
            try await client.kickJob(job.id)
        }
    }
}
