// SPDX-License-Identifier: Apache-2.0

internal import GRDB
internal import JobQueue
internal import Synchronization

/// The database connection, and what is done with it. Used by one thread at a time: who opens, who recovers, then the
/// store's.
final class Committer: @unchecked Sendable {
    // `@unchecked`: a store opens, recovers and starts in that order, and from then on only its thread gets here.
    private let options: StoreOptions
    let database: DatabaseQueue
    let path: String
    private var lock: FolderLock?
    private var reserve: DiskReserve
    private var log: JobLog?
    /// What the tables do not have yet, but the log.
    private var logged = JobLog.Contents()
    private var state: State
    /// What the times in the tables and the log are of.
    private(set) var time: StoreTime

    /// What the database says of itself.
    private struct State {
        /// Numbers before this are never given to a job again, whatever is deleted.
        var nextID: UInt64
        /// Whose log belongs to the tables; 0 for nobody's.
        var logKey: UInt64
        /// The number of the last group that the tables have.
        var groupNumber: UInt64
        /// The boot in which the times are exact, and from where its clock counts.
        var boot: StoreTime.Boot
        var bootOffset: Int64
        /// A time that is over.
        var lastTime: Int64

        init(_ database: Database) throws {
            let columns = "next_id, log_key, group_number, boot_high, boot_low, boot_offset, last_time"
            guard let row = try Row.fetchOne(database, sql: "SELECT \(columns) FROM state"),
                let numbers = try? (0..<7).map({ try row.decode(Int64.self, atIndex: $0) }),
                numbers[0] >= 1, numbers[2] >= 0
            else { throw SQLiteFailure.noState }
            nextID = UInt64(bitPattern: numbers[0])
            logKey = UInt64(bitPattern: numbers[1])
            groupNumber = UInt64(bitPattern: numbers[2])
            boot = StoreTime.Boot(high: numbers[3], low: numbers[4])
            bootOffset = numbers[5]
            lastTime = numbers[6]
        }

        func write(_ statements: Statements) throws(SQLiteFailure) {
            try statements.setState.run(
                Int64(bitPattern: nextID), Int64(bitPattern: logKey), Int64(bitPattern: groupNumber), boot.high,
                boot.low, bootOffset, lastTime)
        }
    }

    /// Whether the time is certain, as the log of the last process was read.
    private var hasTime = false

    /// Databases that are not to be closed before the process ends.
    private static let leftOpen = Mutex<[DatabaseQueue]>([])

    private var lastSync = ContinuousClock.now
    private var hasUnsyncedTables = false
    private var hasUnsyncedLog = false
    private var writtenPages = 0

    /// SQLite's own log is brought into the file when it has so many pages, and begins anew.
    private static let checkpointPages = 1000
    /// About how many bytes one transaction writes, so that it always fits into what was set aside.
    private static let transactionSize = 1 << 22
    /// How many pages are given back to the disk at once, and how many times in a row.
    private static let vacuumPages = 256
    private static let vacuumSteps = 64
    /// How often the disk is tried again when it is full.
    private static let retryInterval: Int64 = 1_000_000_000

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
        let state = try Self.reading(database, path) { try State($0) }
        self.state = state
        func resumeTime(_ state: State) -> StoreTime {
            StoreTime(options.clocks, boot: state.boot, bootOffset: state.bootOffset, after: state.lastTime)
        }
        time = resumeTime(state)
        try Self.reading(database, path) { database in
            let statements = try Statements(database)
            try recoverLog(database, statements)
            // The log knows of later times than the tables did.
            time = resumeTime(self.state)
            (self.state.boot, self.state.bootOffset) = (time.boot, time.bootOffset)
            hasTime = true
            try beginLog(database, statements)
        }
    }

    /// Brings what a log has into the tables, if the last process has left one.
    private func recoverLog(_ database: Database, _ statements: Statements) throws(StoreError) {
        guard state.logKey != 0 else { return }
        logged = try JobLog.read(options.folder, key: state.logKey, after: state.groupNumber)
        guard try !writeLogged(database, statements) else { return }
        // What SQLite's own log has may have a place in the file, and then that has space.
        try writing { () throws(SQLiteFailure) in try checkpoint(database, "RESTART") }
        guard try writeLogged(database, statements) else { throw StoreError("write", path, .full) }
    }

    /// Calls `body` with a database that may turn out to be damaged.
    static func reading<Result>(
        _ database: DatabaseQueue, _ path: String, _ body: (Database) throws -> Result
    ) throws(StoreError) -> Result {
        do {
            return try database.writeWithoutTransaction(body)
        } catch {
            // Closing would bring SQLite's log into the file, and take it away: it may have what the file has lost.
            leftOpen.withLock { $0.append(database) }
            if let error = error as? StoreError { throw error }
            throw Self.error("read", path, error as? SQLiteFailure ?? SQLiteFailure(error))
        }
    }

    /// Numbers before this are never given to a job again.
    var nextID: UInt64 { state.nextID }

    var hasReserve: Bool { reserve.isThere }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "talkback store"
        configuration.allowsUnsafeTransactions = true
        // Bodies are other people's.
        configuration.publicStatementArguments = false
        configuration.prepareDatabase { database in
            // One connection has the file for itself; so the index of SQLite's log needs no shared memory.
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
        /// On the monotonic clock.
        var deadline: Int64? { committer.deadline }

        /// Whether there is space for what has been executed.
        var hasReserve: Bool { committer.hasReserve }

        var fullError: StoreError { StoreError("write", committer.path, .full) }

        /// Commits a group: to the log, or to the tables in as many transactions as it takes.
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
        if case .every = options.sync, isSyncDue { try sync(database) }
        if !group.mutations.isEmpty, try !log(group, database, statements) {
            guard try write(&group, database, statements) else { return false }
        }
        if !reserve.isThere {
            try writing { () throws(SQLiteFailure) in try reclaimSpace(database) }
            try beginLog(database, statements)
        }
        return true
    }

    /// Commits a group to the log.
    ///
    /// - Returns: Whether that was done; `false` if the tables must have it.
    private func log(
        _ group: JobStore.Gathering, _ database: Database, _ statements: Statements
    ) throws(StoreError) -> Bool {
        // When the disk is full, what is deleted must leave the tables, or its space does not come back.
        guard let log, reserve.isThere, group.position == 0 else { return false }
        if !log.hasRoom { guard try writeLogged(database, statements), reserve.isThere else { return false } }
        do throws(StoreError) {
            guard
                try log.write(
                    group.mutations, number: state.groupNumber + UInt64(logged.groupCount) + 1, nextID: group.nextID,
                    offset: time.queueOffset, addingTo: &logged)
            else { return false }
        } catch {
            // Where a block that is written over becomes another block, that may find the disk full. Nobody knows what
            // of the group is in this log, so it ends here.
            guard error.reason == .full else { throw error }
            reserve.giveUp()
            self.log = nil
            return false
        }
        hasUnsyncedLog = true
        if isSyncDue { try sync(database) }
        return true
    }

    /// Brings what is in the log into the tables.
    ///
    /// - Returns: Whether that was possible; `false` if the disk is full, even with what was set aside.
    private func writeLogged(_ database: Database, _ statements: Statements) throws(StoreError) -> Bool {
        var none = JobStore.Gathering()
        return try write(&none, database, statements)
    }

    /// Brings what is in the log into the tables, some whole groups in each transaction, and then a group.
    ///
    /// - Returns: Whether that was possible; `false` if the disk is full, even with what was set aside.
    private func write(
        _ group: inout JobStore.Gathering, _ database: Database, _ statements: Statements
    ) throws(StoreError) -> Bool {
        let (mutations, nextID) = (group.mutations, group.nextID)
        let ended = EndedJobs(mutations)
        while !logged.isEmpty || group.position < mutations.count {
            let part = firstOfLogged()
            let start = group.position
            var position = start
            // The log is written over when it is empty. What another process has left in one may have been synced
            // there.
            let isSynced = part.groupCount > 0 ? log == nil || options.sync != .never : isSyncDue
            let isDone = try transact(database, statements, isSynced: isSynced) { state throws(SQLiteFailure) in
                try write(part, statements, &state)
                state.groupNumber += UInt64(part.groupCount)
                if part.groupCount > 0 { state.nextID = max(state.nextID, logged.nextID) }
                guard part.groupCount == logged.groupCount else { return }
                if log == nil { state.logKey = 0 }
                var cost = part.cost
                let offset = time.queueOffset
                position = start
                while position < mutations.count,
                    cost < Self.transactionSize || Self.isOneStep(mutations, position)
                {
                    let mutation = mutations[position]
                    position += 1
                    guard !ended.drops(MutationHeader(mutation)) else { continue }
                    try statements.write(mutation, ended, offset: offset)
                    cost += mutation.cost
                }
                if position > 0, position == mutations.count { state.groupNumber += 1 }
                state.nextID = max(state.nextID, nextID)
            }
            guard isDone else { return false }
            logged.removeFirst(part.groupCount)
            group.position = position
        }
        hasUnsyncedLog = false
        log?.clear()
        return true
    }

    /// Whether a mutation says what became of the job in the same step in which it was put: one that was put as buried
    /// must not be found ready.
    private static func isOneStep(_ mutations: [Mutation], _ position: Int) -> Bool {
        guard position > 0, case .put(let job) = mutations[position - 1], case .change(let change) = mutations[position]
        else { return false }
        return job.id == change.id
    }

    /// Some of the logged groups.
    private struct LoggedPart {
        let groupCount: Int
        let mutations: MutationReader
        /// What of them need not be written.
        let ended: EndedJobs
        /// About how many bytes the rest makes SQLite write.
        let cost: Int
    }

    private func write(
        _ part: LoggedPart, _ statements: Statements, _ state: inout State
    ) throws(SQLiteFailure) {
        var reader = part.mutations
        while let header = reader.next() {
            guard !part.ended.drops(header) else { continue }
            guard let mutation = reader.mutation(header) else { throw .unreadableLog }
            try statements.write(mutation, part.ended, offset: 0)
            if let start = mutation.start { state.lastTime = max(state.lastTime, start.nanoseconds) }
        }
        guard reader.isAtEnd else { throw .unreadableLog }
    }

    /// As many of the logged groups as are good for one transaction.
    private func firstOfLogged() -> LoggedPart {
        var count = logged.groupCount
        while true {
            var reader = logged.first(count)
            let part = reader
            let ended = EndedJobs(part)
            var cost = 0
            while let header = reader.next() {
                if !ended.drops(header) { cost += reader.cost(header) }
            }
            guard count > 1, cost > Self.transactionSize else {
                return LoggedPart(groupCount: count, mutations: part, ended: ended, cost: cost)
            }
            count = (count + 1) / 2
        }
    }

    /// Changes the tables in one transaction, and what the database says of itself.
    ///
    /// - Parameter body: Called again if the disk is full, when what was set aside has been given up.
    /// - Returns: Whether that was possible; `false` if the disk is full even so.
    private func transact(
        _ database: Database, _ statements: Statements, isSynced: Bool,
        _ body: (inout State) throws(SQLiteFailure) -> Void
    ) throws(StoreError) -> Bool {
        try writing { () throws(SQLiteFailure) -> Bool in
            while true {
                do throws(SQLiteFailure) {
                    try setSyncing(isSynced, database)
                    var state = state
                    try statements.begin.run()
                    try body(&state)
                    if hasTime { state.lastTime = max(state.lastTime, time.now) }
                    try state.write(statements)
                    try statements.commit.run()
                    self.state = state
                    let pages = database.takeWrittenPageCount()
                    writtenPages += pages
                    // Without a page there is nothing to sync, and it is not done.
                    if pages > 0 {
                        hasUnsyncedTables = !isSynced
                        if isSynced { noteSynced() }
                    }
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
    }

    private func finish(_ nextID: UInt64, _ database: Database, _ statements: Statements) throws(StoreError) {
        try sync(database)
        // If there is no space, everything that matters is kept already; the next process goes on with it.
        guard try writeLogged(database, statements) else { return }
        let isDone = try transact(database, statements, isSynced: true) { state throws(SQLiteFailure) in
            try statements.deleteOldPauses.run(time.now)
            state.logKey = 0
            state.nextID = max(state.nextID, nextID)
        }
        if isDone { JobLog.remove(options.folder) }
        try writing { () throws(SQLiteFailure) in try checkpoint(database, "TRUNCATE") }
    }

    /// Begins a log, if there is none and there is space.
    private func beginLog(_ database: Database, _ statements: Statements) throws(StoreError) {
        guard log == nil, reserve.isThere else { return }
        let new: JobLog
        do throws(StoreError) {
            new = try JobLog(options.folder)
        } catch {
            guard error.reason == .full else { throw error }
            return
        }
        if try transact(database, statements, isSynced: isSyncDue, { state in state.logKey = new.key }) { log = new }
    }

    private func writing<Result>(_ body: () throws(SQLiteFailure) -> Result) throws(StoreError) -> Result {
        do throws(SQLiteFailure) {
            return try body()
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

    /// Whether the database syncs each commit.
    private var isSyncing = true

    private static func setSync(_ level: SyncLevel, _ database: Database) throws {
        try database.execute(sql: "PRAGMA synchronous = \(level.rawValue)")
        // GRDB has a mind of its own about it.
        let set = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        guard set == (level == .full ? 2 : 1) else { throw DatabaseError(message: "syncing cannot be set") }
    }

    private func setSyncing(_ isNeeded: Bool, _ database: Database) throws(SQLiteFailure) {
        guard isNeeded != isSyncing else { return }
        do {
            try Self.setSync(isNeeded ? .full : .normal, database)
        } catch {
            throw SQLiteFailure(error)
        }
        isSyncing = isNeeded
    }

    /// Whether what is committed now is synced now.
    private var isSyncDue: Bool {
        switch options.sync {
        case .always: true
        case .every(let interval): lastSync.duration(to: .now) >= interval
        case .never: false
        }
    }

    /// Syncs what was committed without.
    private func sync(_ database: Database) throws(StoreError) {
        if hasUnsyncedLog { try log?.sync() }
        if hasUnsyncedTables {
            // A checkpoint begins with a sync of SQLite's log.
            try writing { () throws(SQLiteFailure) in try checkpoint(database, "PASSIVE") }
        }
        hasUnsyncedLog = false
        hasUnsyncedTables = false
        noteSynced()
    }

    private func noteSynced() {
        if !hasUnsyncedLog, !hasUnsyncedTables { lastSync = .now }
    }

    private var deadline: Int64? {
        let now = Clock.monotonic
        let retry = reserve.isThere ? nil : now + Self.retryInterval
        guard hasUnsyncedLog || hasUnsyncedTables, case .every(let interval) = options.sync else { return retry }
        let left = interval - lastSync.duration(to: .now)
        // A century is as good as never, and fits.
        let sync = now + Int64(min(max(0, left / .nanoseconds(1)), 3e18))
        return min(sync, retry ?? sync)
    }

    // MARK: Space

    /// Brings SQLite's log into the file. A full disk is no reason to worry: everything is in that log still, and if
    /// that cannot be written any more, the next commit will say so.
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

    /// After the disk was full: gives the space of deleted jobs back to it, a little at a time, as that takes space in
    /// SQLite's log, and tries to set some aside again. The log keeps what it has, so that what is deleted next can be
    /// written.
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

    // MARK: Errors

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
