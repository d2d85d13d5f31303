// SPDX-License-Identifier: Apache-2.0

internal import GRDB
internal import JobQueue
internal import Synchronization

// What is kept becomes a queue again.
extension Committer {
    func recover(
        into queue: JobQueue, at now: QueueTime, _ onProgress: @Sendable (Int, Int) -> Void
    ) throws(StoreError) {
        do {
            try database.writeWithoutTransaction { database in
                try recover(into: queue, at: now, database, onProgress)
            }
        } catch {
            // Closing would bring the log into the file, and take it away: it may have what the file has lost.
            Self.leftOpen.withLock { $0.append(database) }
            throw Self.error("read", path, error as? SQLiteFailure ?? SQLiteFailure(error))
        }
    }

    private func recover(
        into queue: JobQueue, at now: QueueTime, _ database: Database, _ onProgress: @Sendable (Int, Int) -> Void
    ) throws {
        let offset = Self.systemTime() - now.nanoseconds
        func time(_ stored: Int64) -> QueueTime { QueueTime(nanoseconds: stored &- offset) }
        let total = try Int.fetchOne(database, sql: "SELECT count(*) FROM job") ?? 0
        let nextID = try Int64.fetchOne(database, sql: "SELECT id FROM next_id") ?? 1
        keptNextID = UInt64(bitPattern: nextID)
        var count = 0
        let rows = try HotStatement(
            database,
            """
            SELECT job.id, job.tube, job.priority, job.delay, job.time_to_run, job.creation, job.due, job.body,
                change.id, change.state, change.priority, change.delay, change.due, change.burial, change.reserves,
                change.timeouts, change.releases, change.buries, change.kicks
            FROM job LEFT JOIN change ON change.id = job.id ORDER BY job.id
            """)
        try rows.forEachRow {
            let id = UInt64(bitPattern: rows.number(0))
            let record = JobRecord(
                id: id, tube: rows.bytes(1), priority: rows.number32(2), delay: rows.number32(3),
                timeToRun: rows.number32(4), creation: time(rows.number(5)), due: time(rows.number(6)),
                body: rows.bytes(7))
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
                    delay: rows.number32(11), due: time(rows.number(12)), burial: rows.number(13), counts: counts)
            }
            queue.restore(record, change, at: now)
            count += 1
            if count % 64 == 0 || count == total { onProgress(count, total) }
        }
        queue.skipIDs(through: keptNextID - 1)
        let pauses = try HotStatement(database, "SELECT tube, seconds, until FROM pause")
        try pauses.forEachRow {
            let until = time(pauses.number(2))
            if until > now { queue.restorePause(of: pauses.bytes(0), pauses.number32(1), until: until) }
        }
        if total == 0 { onProgress(0, 0) }
    }
}
