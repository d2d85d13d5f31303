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
        setState = try HotStatement(database, "UPDATE state SET next_id = ?, log_key = ?, group_number = ?")
        insertTags = try HotStatement(database, "INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        deleteTags = try HotStatement(database, "DELETE FROM tags WHERE id = ?")
        insertOutcome = try HotStatement(database, "INSERT INTO outcome VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        forgetData = try HotStatement(database, "UPDATE outcome SET data = x'' WHERE id = ?")
        deleteOutcome = try HotStatement(database, "DELETE FROM outcome WHERE id = ?")
    }

    /// Brings a mutation into the tables.
    ///
    /// - Parameters:
    ///   - mutation: One that the list does not make needless: see ``PassingJobs/drops(_:)``.
    ///   - passing: Of the list that the mutation is in.
    ///   - offset: Nanoseconds from 1970 to the zero of the mutation's times.
    func write(_ mutation: Mutation, _ passing: PassingJobs, offset: Int64) throws(SQLiteFailure) {
        switch mutation {
        case .put(let job):
            try insertJob.insert(job, offset: offset)
            if let tags = job.tags { try insertTags.insert(tags, of: job.id) }
        case .change(let change):
            try replaceChange.replace(change, offset: offset)
        case .delete(let id, let changes):
            try delete(id, changes, passing)
        case .end(let id, let changes, let outcome):
            if !passing.isPut(id) {
                try delete(id, changes, passing)
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

    private func delete(_ id: UInt64, _ changes: UInt8, _ passing: PassingJobs) throws(SQLiteFailure) {
        try deleteJob.run(id)
        if changes == .max || Int(changes) > passing.changes(id) { try deleteChange.run(id) }
    }
}

/// The jobs that are gone at the end of a list of mutations: what comes before their ends need not be written.
struct PassingJobs {
    private struct Job {
        var isPut = false
        var changes = 0
    }

    private var jobs: [UInt64: Job] = [:]

    init(_ mutations: [Mutation]) {
        for mutation in mutations { findEnd(MutationHeader(mutation)) }
        guard !jobs.isEmpty else { return }
        for mutation in mutations { findRest(MutationHeader(mutation)) }
    }

    init(_ mutations: MutationReader) {
        var reader = mutations
        while let header = reader.next() { findEnd(header) }
        guard !jobs.isEmpty else { return }
        reader = mutations
        while let header = reader.next() { findRest(header) }
    }

    private mutating func findEnd(_ header: MutationHeader) {
        switch header.kind {
        case .delete, .end: jobs[header.id] = Job()
        case .put, .change, .forgetData, .forget, .pause: break
        }
    }

    private mutating func findRest(_ header: MutationHeader) {
        switch header.kind {
        case .put: jobs[header.id]?.isPut = true
        case .change: jobs[header.id]?.changes += 1
        case .delete, .end, .forgetData, .forget, .pause: break
        }
    }

    /// Whether the list has the job's put too.
    func isPut(_ id: UInt64) -> Bool { jobs[id]?.isPut ?? false }

    /// How many changes of the job the list has.
    func changes(_ id: UInt64) -> Int { jobs[id]?.changes ?? 0 }

    /// Whether a mutation of the list need not be written.
    func drops(_ header: MutationHeader) -> Bool {
        switch header.kind {
        case .put, .change: jobs[header.id] != nil
        case .delete: isPut(header.id)
        case .end, .forgetData, .forget, .pause: false
        }
    }
}
