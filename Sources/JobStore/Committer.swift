// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import GRDB
internal import JobQueue
internal import Synchronization

/// The database connection, and what is done with it. Used by one thread at a time: who opens, who recovers, then the store's.
final class Committer: @unchecked Sendable {
    // `@unchecked`: a store opens, recovers and starts in that order, and from then on only its thread gets here.
    private let options: StoreOptions
    let database: DatabaseQueue
    let path: String
    private var lock: FolderLock?
    private var reserve: DiskReserve
    /// Numbers before this are never given to a job again, whatever is deleted.
    var keptNextID: UInt64 = 1

    /// Databases that are not to be closed before the process ends.
    static let leftOpen = Mutex<[DatabaseQueue]>([])

    private var lastSync = ContinuousClock.now
    private var hasUnsynced = false
    private var writtenPages = 0

    /// The log is brought into the file when it has so many pages, and begins anew.
    private static let checkpointPages = 1000
    /// By how much the kept number is ahead, so that it need not be written with each group.
    private static let idStep: UInt64 = 1024
    private static let pageSize = 4096
    /// About how many bytes one transaction writes, so that it always fits into what was set aside.
    private static let transactionSize = 1 << 22
    /// How many pages are given back to the disk at once, and how many times in a row.
    private static let vacuumPages = 256
    private static let vacuumSteps = 64
    /// How often the disk is tried again when it is full.
    private static let retryInterval: TimeInterval = 1

    init(_ options: StoreOptions) throws(StoreError) {
        self.options = options
        path = options.folder + "/jobs.sqlite"
        try Folder.make(options.folder)
        guard !Folder.hasBeanstalkdLog(options.folder) else {
            throw StoreError("open", options.folder, .beanstalkdLog)
        }
        lock = try FolderLock(options.folder)
        let path = path
        try Folder.makeFile(path)
        try Folder.sync(options.folder)
        do {
            database = try Self.open(path)
        } catch let error as StoreError {
            throw error
        } catch {
            throw Self.error("open", path, SQLiteFailure(error))
        }
        reserve = DiskReserve(options.folder, size: options.reserveSize)
        _ = reserve.take()
    }

    var hasReserve: Bool { reserve.isThere }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "talkback store"
        configuration.allowsUnsafeTransactions = true
        // Bodies are other people's.
        configuration.publicStatementArguments = false
        configuration.prepareDatabase { database in
            // One connection has the file for itself; so the index of the log needs no shared memory.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            let id = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
            let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") == 0
            guard id == Schema.applicationID || (id == 0 && isEmpty) else {
                throw StoreError("open", path, .foreign)
            }
            if isEmpty {
                // Deleted jobs give their space back when it is needed: see reclaimSpace.
                try database.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            }
        }
        // A file that somebody else made must not be touched before it is known to be ours.
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.writeWithoutTransaction { database in
            if try Schema.migrator.hasBeenSuperseded(database) { throw StoreError("open", path, .newer) }
            let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else { throw DatabaseError(message: "there is no write-ahead log on this file system") }
            // Checkpoints are made between groups, by this connection.
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 0")
            try database.execute(sql: "PRAGMA cache_size = -32768")
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            try setSync(.full, database)
        }
        try Schema.migrator.migrate(database)
        return database
    }

    // MARK: Committing

    /// What `body` of ``run(_:)`` commits with.
    struct Commit {
        fileprivate let committer: Committer
        fileprivate let database: Database
        fileprivate let statements: Statements

        /// When there is something to look after even without a group.
        var deadline: Date? { committer.deadline }

        /// Whether there is space for what has been executed.
        var hasReserve: Bool { committer.hasReserve }

        var fullError: StoreError { StoreError("write", committer.path, .full) }

        /// Commits a group, in as many transactions as it takes.
        ///
        /// - Returns: Whether it is done; `false` if the disk is full, even with what was set aside.
        func group(_ group: inout JobStore.Gathering) throws(StoreError) -> Bool {
            try committer.commit(&group, database, statements)
        }

        /// Leaves everything in order, for the last time.
        func finish(nextID: UInt64) throws(StoreError) {
            try committer.finish(nextID, database, statements)
        }
    }

    /// Calls `body` with the database.
    func run(_ body: (Commit) throws(StoreError) -> Void) throws(StoreError) {
        do {
            try database.writeWithoutTransaction { database in
                try body(Commit(committer: self, database: database, statements: try Statements(database)))
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw Self.error("prepare", path, SQLiteFailure(error))
        }
    }

    /// Lets others have the folder.
    func close() {
        // Nothing is left to do that could fail.
        try? database.close()
        lock = nil
    }

    private func commit(
        _ group: inout JobStore.Gathering, _ database: Database, _ statements: Statements
    ) throws(StoreError) -> Bool {
        do throws(SQLiteFailure) {
            try prepareSync(database)
            if group.mutations.isEmpty {
                try syncWhatIsLeft(database)
            } else {
                let dropped = Self.changesNotWorthWriting(group.mutations)
                while group.position < group.mutations.count {
                    if try !write(&group, dropped, database, statements) { return false }
                }
            }
            try lookAfterSpace(database)
            return true
        } catch {
            throw Self.error("write", path, error)
        }
    }

    /// Writes as much of a group as is good for one transaction.
    ///
    /// - Returns: Whether that was possible; `false` if the disk is full, even with what was set aside.
    private func write(
        _ group: inout JobStore.Gathering, _ dropped: [UInt64: Int], _ database: Database, _ statements: Statements
    ) throws(SQLiteFailure) -> Bool {
        while true {
            do throws(SQLiteFailure) {
                try transact(&group, dropped, database, statements)
                if writtenPages >= Self.checkpointPages { try checkpoint(database, "PASSIVE") }
                return true
            } catch {
                guard error.isFull else { throw error }
                if database.hasTransaction { try statements.rollback.run() }
                guard reserve.isThere else {
                    try reclaimSpace(database)
                    return false
                }
                reserve.giveUp()
            }
        }
    }

    private func transact(
        _ group: inout JobStore.Gathering, _ dropped: [UInt64: Int], _ database: Database, _ statements: Statements
    ) throws(SQLiteFailure) {
        let offset = Self.systemTime() - Self.queueTime()
        var position = group.position
        var nextID = keptNextID
        try statements.begin.run()
        var cost = 0
        while position < group.mutations.count, cost < Self.transactionSize {
            switch group.mutations[position] {
            case .put(let job):
                try statements.insertJob.insert(job, offset: offset)
                if let tags = job.tags { try statements.insertTags.insert(tags, of: job.id) }
                cost += job.body.count + 500
            case .change(let change):
                if dropped[change.id] == nil {
                    try statements.replaceChange.replace(change, offset: offset)
                    cost += Self.pageSize + change.reason.count
                }
            case .delete(let id, let changes), .end(let id, let changes, _):
                try statements.deleteJob.run(id)
                if changes == .max || Int(changes) > dropped[id, default: 0] { try statements.deleteChange.run(id) }
                // The table does not remember the highest number once it is gone.
                if id >= nextID { nextID = group.nextID + Self.idStep }
                cost += 2 * Self.pageSize
                guard case .end(_, _, let outcome) = group.mutations[position] else { break }
                try statements.deleteTags.run(id)
                cost += Self.pageSize
                guard let outcome else { break }
                try statements.insertOutcome.insert(outcome, offset: offset)
                cost += Self.pageSize + outcome.data.count
            case .forgetData(let id):
                try statements.forgetData.run(id)
                cost += 2 * Self.pageSize
            case .forget(let id):
                try statements.deleteOutcome.run(id)
                cost += 2 * Self.pageSize
            case .pause(let tube, let seconds, let until):
                if seconds == 0 {
                    try statements.deletePause.run(tube: tube)
                } else {
                    try statements.setPause.setPause(tube, seconds, until.nanoseconds &+ offset)
                }
                cost += 2 * Self.pageSize
            }
            position += 1
        }
        if nextID != keptNextID { try statements.setNextID.run(Int64(bitPattern: nextID)) }
        try statements.commit.run()
        group.position = position
        keptNextID = nextID
        let pages = database.takeWrittenPageCount()
        writtenPages += pages
        guard pages > 0 else { return }
        hasUnsynced = true
        if isSyncing { noteSynced() }
    }

    /// Changes of jobs that are deleted in the same group, by the job's number, and how many.
    private static func changesNotWorthWriting(_ mutations: [Mutation]) -> [UInt64: Int] {
        var dropped: [UInt64: Int] = [:]
        for mutation in mutations {
            switch mutation {
            case .delete(let id, let changes), .end(let id, let changes, _): if changes > 0 { dropped[id] = 0 }
            case .put, .change, .pause, .forget, .forgetData: break
            }
        }
        guard !dropped.isEmpty else { return dropped }
        for case .change(let change) in mutations { dropped[change.id]? += 1 }
        return dropped
    }

    private func finish(_ nextID: UInt64, _ database: Database, _ statements: Statements) throws(StoreError) {
        do throws(SQLiteFailure) {
            do {
                try Self.setSync(.full, database)
            } catch {
                throw SQLiteFailure(error)
            }
            try statements.begin.run()
            try statements.deleteOldPauses.run(Self.systemTime())
            // Exactly, as there is nothing more to come.
            try statements.setNextID.run(Int64(bitPattern: max(nextID, 1)))
            try statements.commit.run()
        } catch {
            // Everything that matters was committed before; the numbers merely have a gap.
            if !error.isFull { throw Self.error("write", path, error) }
        }
        do throws(SQLiteFailure) {
            try checkpoint(database, "TRUNCATE")
        } catch {
            throw Self.error("write", path, error)
        }
    }

    // MARK: Syncing

    private enum SyncLevel: String {
        /// Each commit is synced.
        case full = "FULL"
        /// Only checkpoints are, so that the file stays whole.
        case normal = "NORMAL"
    }

    private var isSyncing = true

    private static func setSync(_ level: SyncLevel, _ database: Database) throws {
        try database.execute(sql: "PRAGMA synchronous = \(level.rawValue)")
        // GRDB has a mind of its own about it.
        let set = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        guard set == (level == .full ? 2 : 1) else { throw DatabaseError(message: "syncing cannot be set") }
    }

    /// Decides whether the next commit is synced.
    private func prepareSync(_ database: Database) throws(SQLiteFailure) {
        let mustSync =
            switch options.sync {
            case .always: true
            case .every(let interval): lastSync.duration(to: .now) >= interval
            case .never: false
            }
        guard mustSync != isSyncing else { return }
        do {
            try Self.setSync(mustSync ? .full : .normal, database)
        } catch {
            throw SQLiteFailure(error)
        }
        isSyncing = mustSync
    }

    /// Syncs what was committed without.
    private func syncWhatIsLeft(_ database: Database) throws(SQLiteFailure) {
        guard hasUnsynced, case .every = options.sync else { return }
        // A checkpoint begins with a sync of the log.
        try checkpoint(database, "PASSIVE")
        noteSynced()
    }

    private func noteSynced() {
        hasUnsynced = false
        lastSync = .now
    }

    private var deadline: Date? {
        if !reserve.isThere { return Date(timeIntervalSinceNow: Self.retryInterval) }
        guard hasUnsynced, case .every(let interval) = options.sync else { return nil }
        let left = interval - lastSync.duration(to: .now)
        return Date(timeIntervalSinceNow: max(0, left / .seconds(1)))
    }

    // MARK: Space

    private func lookAfterSpace(_ database: Database) throws(SQLiteFailure) {
        if !reserve.isThere { try reclaimSpace(database) }
    }

    /// Brings the log into the file. A full disk is no reason to worry: everything is in the log still, and if that cannot be
    /// written any more, the next commit will say so.
    private func checkpoint(_ database: Database, _ mode: String) throws(SQLiteFailure) {
        writtenPages = 0
        do {
            try database.execute(sql: "PRAGMA wal_checkpoint(\(mode))")
        } catch {
            let failure = SQLiteFailure(database)
            guard failure.isFull else { throw failure }
        }
        _ = database.takeWrittenPageCount()
    }

    /// After the disk was full: gives the space of deleted jobs back to it, a little at a time, as that takes space in the log,
    /// and tries to set some aside again. The log keeps what it has, so that what is deleted next can be written.
    private func reclaimSpace(_ database: Database) throws(SQLiteFailure) {
        var free = freePages(database)
        for _ in 0..<Self.vacuumSteps where free > 0 {
            do {
                try database.execute(sql: "PRAGMA incremental_vacuum(\(Self.vacuumPages))")
            } catch {
                let failure = SQLiteFailure(database)
                guard failure.isFull else { throw failure }
                break
            }
            try checkpoint(database, "RESTART")
            let left = freePages(database)
            guard left < free else { break }
            free = left
        }
        if reserve.take() { try checkpoint(database, "RESTART") }
    }

    private func freePages(_ database: Database) -> Int {
        (try? Int.fetchOne(database, sql: "PRAGMA freelist_count")) ?? 0
    }

    // MARK: Clocks and errors

    static func systemTime() -> Int64 { time(CLOCK_REALTIME) }

    /// The clock of the event loop, which the queue's times are of.
    static func queueTime() -> Int64 { time(CLOCK_MONOTONIC) }

    private static func time(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // SAFETY: the time is written during the call.
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static func error(_ operation: String, _ path: String, _ failure: SQLiteFailure) -> StoreError {
        let reason: StoreError.Reason =
            switch failure.code & 0xFF {
            case 11: .damaged(failure.message)
            case 13: .full
            case 26: .foreign
            default: .database(code: failure.code, failure.message)
            }
        return StoreError(operation, path, reason)
    }
}
