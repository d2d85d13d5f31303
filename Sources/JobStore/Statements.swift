// SPDX-License-Identifier: Apache-2.0

internal import GRDB
internal import JobQueue

/// The statements that are run again and again.
struct Statements {
    let begin, commit, rollback: HotStatement
    let setState: HotStatement
    private let insertJob, deleteJob, replaceChange, deleteChange, setPause, deletePause: HotStatement
    private let insertTags, deleteTags, insertOutcome, forgetData, deleteOutcome: HotStatement
    let deleteOldPauses: HotStatement

    init(_ database: Database) throws {
        begin = try HotStatement(database, "BEGIN IMMEDIATE")
        commit = try HotStatement(database, "COMMIT")
        rollback = try HotStatement(database, "ROLLBACK")
        insertJob = try HotStatement(database, "INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        deleteJob = try HotStatement(database, "DELETE FROM job WHERE id = ?")
        replaceChange = try HotStatement(
            database, "INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        deleteChange = try HotStatement(database, "DELETE FROM change WHERE id = ?")
        setPause = try HotStatement(database, "INSERT OR REPLACE INTO pause VALUES (?, ?, ?)")
        deletePause = try HotStatement(database, "DELETE FROM pause WHERE tube = ?")
        deleteOldPauses = try HotStatement(database, "DELETE FROM pause WHERE until <= ?")
        setState = try HotStatement(
            database,
            """
            UPDATE state SET next_id = ?, log_key = ?, group_number = ?, boot_high = ?, boot_low = ?, boot_offset = ?,
                last_time = ?
            """)
        insertTags = try HotStatement(database, "INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        deleteTags = try HotStatement(database, "DELETE FROM tags WHERE id = ?")
        insertOutcome = try HotStatement(database, "INSERT INTO outcome VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        forgetData = try HotStatement(database, "UPDATE outcome SET data = x'' WHERE id = ?")
        deleteOutcome = try HotStatement(database, "DELETE FROM outcome WHERE id = ?")
    }

    /// Brings a mutation into the tables.
    ///
    /// - Parameters:
    ///   - mutation: One that the list does not make needless: see ``EndedJobs/drops(_:)``.
    ///   - ended: Of the list that the mutation is in.
    ///   - offset: From the zero of the mutation's times to the zero of stored times.
    func write(_ mutation: Mutation, _ ended: EndedJobs, offset: Int64) throws(SQLiteFailure) {
        switch mutation {
        case .put(let job):
            try insertJob.insert(job, offset: offset)
            if let tags = job.tags { try insertTags.insert(tags, of: job.id) }
        case .change(let change):
            try replaceChange.replace(change, offset: offset)
        case .delete(let id, let changes):
            try delete(id, changes, ended)
        case .end(let id, let changes, let outcome):
            if !ended.isPut(id) {
                try delete(id, changes, ended)
                try deleteTags.run(id)
            }
            if let outcome { try insertOutcome.insert(outcome, offset: offset) }
        case .forgetData(let id):
            try forgetData.run(id)
        case .forget(let id):
            try deleteOutcome.run(id)
        case .pause(let tube, let seconds, let until):
            if seconds == 0 {
                try deletePause.run(tube: tube)
            } else {
                try setPause.setPause(tube, seconds, until.nanoseconds &+ offset)
            }
        }
    }

    private func delete(_ id: UInt64, _ changes: UInt8, _ ended: EndedJobs) throws(SQLiteFailure) {
        try deleteJob.run(id)
        if changes == .max || Int(changes) > ended.changes(id) { try deleteChange.run(id) }
    }
}
