// SPDX-License-Identifier: Apache-2.0

internal import GRDB
internal import JobQueue

// What is kept becomes a queue again.
extension Committer {
    func recover(
        into queue: JobQueue, at now: QueueTime, _ onProgress: @Sendable (Int, Int) -> Void
    ) throws(StoreError) {
        try Self.reading(database, path) { try recover(into: queue, at: now, $0, onProgress) }
    }

    private func recover(
        into queue: JobQueue, at now: QueueTime, _ database: Database, _ onProgress: @Sendable (Int, Int) -> Void
    ) throws {
        let offset = self.time.queueOffset
        func time(_ stored: Int64) -> QueueTime { QueueTime(nanoseconds: stored &- offset) }
        let total = try Int.fetchOne(database, sql: "SELECT count(*) FROM job") ?? 0
        var count = 0
        let rows = try HotStatement(
            database,
            """
            SELECT job.id, job.tube, job.priority, job.delay, job.time_to_run, job.creation, job.due, job.body,
                change.id, change.state, change.priority, change.delay, change.due, change.burial, change.reserves,
                change.timeouts, change.releases, change.buries, change.kicks, change.former_reserves, change.reason,
                tags.id, tags.key, tags.key_seconds, tags.keep_seconds, tags.attempts, tags.backoff_first,
                tags.backoff_most, tags.is_leased_to_connection
            FROM job LEFT JOIN change ON change.id = job.id LEFT JOIN tags ON tags.id = job.id ORDER BY job.id
            """)
        try rows.forEachRow {
            let id = UInt64(bitPattern: rows.number(0))
            let record = JobRecord(
                id: id, tube: rows.bytes(1), priority: rows.number32(2), delay: rows.number32(3),
                timeToRun: rows.number32(4), creation: time(rows.number(5)), due: time(rows.number(6)),
                body: rows.bytes(7), tags: rows.isNull(21) ? nil : Self.tags(rows))
            var change: JobChange?
            if !rows.isNull(8) {
                var counts = JobCounts()
                counts.reserves = rows.number32(14)
                counts.timeouts = rows.number32(15)
                counts.releases = rows.number32(16)
                counts.buries = rows.number32(17)
                counts.kicks = rows.number32(18)
                change = JobChange(
                    id: id, state: JobState(storedNumber: rows.number(9)), priority: rows.number32(10),
                    delay: rows.number32(11), due: time(rows.number(12)), burial: rows.number(13), counts: counts,
                    formerReserves: rows.number32(19), reason: rows.bytes(20))
            }
            queue.restore(record, change, at: now)
            count += 1
            if count % 64 == 0 || count == total { onProgress(count, total) }
        }
        queue.skipIDs(through: nextID - 1)
        let outcomes = try HotStatement(
            database,
            """
            SELECT id, tube, key, end, attempt, attempts, time, kept_until, unique_until, data FROM outcome ORDER BY \
            number
            """)
        try outcomes.forEachRow {
            queue.restore(
                OutcomeRecord(
                    id: UInt64(bitPattern: outcomes.number(0)), tube: outcomes.bytes(1), key: outcomes.bytes(2),
                    end: JobEnd(rawValue: String(decoding: outcomes.bytes(3), as: UTF8.self)) ?? .failed,
                    attempt: outcomes.number32(4), attempts: outcomes.number32(5), time: time(outcomes.number(6)),
                    keptUntil: time(outcomes.number(7)), uniqueUntil: time(outcomes.number(8)),
                    data: outcomes.bytes(9)),
                at: now)
        }
        let pauses = try HotStatement(database, "SELECT tube, seconds, until FROM pause")
        try pauses.forEachRow {
            let until = time(pauses.number(2))
            if until > now { queue.restorePause(of: pauses.bytes(0), pauses.number32(1), until: until, at: now) }
        }
        queue.finishRestoring(at: now)
        if total == 0 { onProgress(0, 0) }
    }

    /// The tags in the last columns.
    private static func tags(_ rows: HotStatement) -> JobTags {
        JobTags(
            key: rows.bytes(22), keySeconds: rows.number32(23), keepSeconds: rows.number32(24),
            attempts: rows.number32(25),
            backoff: rows.isNull(26) ? nil : JobTags.Backoff(first: rows.number32(26), most: rows.number32(27)),
            isLeasedToConnection: rows.number(28) != 0)
    }
}
