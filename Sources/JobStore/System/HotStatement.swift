// SPDX-License-Identifier: Apache-2.0

internal import GRDB
internal import GRDBSQLite
internal import JobQueue
internal import SystemPackage

/// SQLite's answer when it is not that all went well.
struct SQLiteFailure: Error {
    /// The extended code.
    let code: Int32
    let message: String
    /// What the system said, if it was asked.
    let errno: Errno?

    /// Whether there is no space, or no more of it for this user.
    var isFull: Bool {
        if code & 0xFF == SQLITE_FULL { return true }
        guard code == Self.failedWrite, let errno else { return false }
        return errno == .diskQuotaExceeded || errno == .noSpace
    }

    /// `SQLITE_IOERR_WRITE`
    private static let failedWrite = SQLITE_IOERR | (3 << 8)

    private init(damage: String) {
        code = SQLITE_CORRUPT
        message = damage
        errno = nil
    }

    /// What the checksums of the log say is right cannot be understood.
    static let unreadableLog = SQLiteFailure(damage: "jobs.log has a mutation that cannot be read")

    /// The row that says where everything begins is not there.
    static let noState = SQLiteFailure(damage: "it does not say how far it is")

    /// What a database says of its last call.
    init(_ connection: OpaquePointer?) {
        // SAFETY: the connection is open; the text is copied.
        code = unsafe sqlite3_extended_errcode(connection)
        let number = code & 0xFF == SQLITE_IOERR ? unsafe sqlite3_system_errno(connection) : 0
        errno = number == 0 ? nil : Errno(rawValue: number)
        let text = unsafe String(cString: sqlite3_errmsg(connection))
        message = errno.map { "\(text): \($0)" } ?? text
    }

    /// What a database says of its last call.
    init(_ database: Database) {
        unsafe self.init(database.sqliteConnection)
    }

    init(_ error: any Error) {
        let error = error as? DatabaseError
        code = error?.extendedResultCode.rawValue ?? SQLITE_ERROR
        message = error?.message ?? "an unknown error"
        errno = nil
    }
}

/// A prepared statement of the store's hot path, bound and stepped through SQLite's C interface.
///
/// GRDB's own way boxes each argument: it took 1 microsecond more for each statement, which is as much as SQLite itself
/// takes.
///
/// `@safe`: the statement is held, and with it what its pointer points to; all of it belongs to the store's thread.
@safe
struct HotStatement {
    private let statement: Statement
    private let pointer: OpaquePointer

    init(_ database: Database, _ sql: String) throws {
        statement = try database.makeStatement(sql: sql)
        unsafe pointer = statement.sqliteStatement
    }

    func run() throws(SQLiteFailure) {
        // SAFETY: the statement is prepared.
        let result = unsafe sqlite3_step(pointer)
        guard result == SQLITE_DONE || result == SQLITE_ROW else { throw failure() }
        unsafe sqlite3_reset(pointer)
    }

    func run(_ values: Int64...) throws(SQLiteFailure) {
        for (index, value) in values.enumerated() { bind(Int32(index + 1), value) }
        try run()
    }

    /// Runs a statement whose parameter is a job's number.
    func run(_ id: UInt64) throws(SQLiteFailure) {
        bind(1, Int64(bitPattern: id))
        try run()
    }

    /// Runs a statement whose parameters are the fields of a job.
    func insert(_ job: JobRecord, offset: Int64) throws(SQLiteFailure) {
        bind(1, Int64(bitPattern: job.id))
        bind(3, Int64(job.priority))
        bind(4, Int64(job.delay))
        bind(5, Int64(job.timeToRun))
        bind(6, job.creation.nanoseconds &+ offset)
        bind(7, job.delay == 0 ? 0 : job.due.nanoseconds &+ offset)
        // SAFETY: both arrays are there until the statement has been reset, by run or by the failure.
        let problem: SQLiteFailure? = unsafe job.tube.withUnsafeBytes { tube in
            unsafe job.body.withUnsafeBytes { body in
                let name = unsafe tube.baseAddress?.assumingMemoryBound(to: CChar.self)
                unsafe sqlite3_bind_text(pointer, 2, name, Int32(tube.count), nil)
                var result = SQLITE_OK
                if let start = body.baseAddress, !(unsafe body.isEmpty) {
                    result = unsafe sqlite3_bind_blob64(pointer, 8, start, UInt64(body.count), nil)
                } else {
                    result = unsafe sqlite3_bind_zeroblob(pointer, 8, 0)
                }
                guard result == SQLITE_OK else { return failure() }
                defer { unsafe sqlite3_clear_bindings(pointer) }
                do throws(SQLiteFailure) {
                    try run()
                    return nil
                } catch {
                    return error
                }
            }
        }
        if let problem { throw problem }
    }

    /// Runs a statement whose parameters are the fields of a change.
    func replace(_ change: JobChange, offset: Int64) throws(SQLiteFailure) {
        bind(1, Int64(bitPattern: change.id))
        bind(2, Int64(change.state.storedNumber))
        bind(3, Int64(change.priority))
        bind(4, Int64(change.delay))
        bind(5, change.state == .delayed ? change.due.nanoseconds &+ offset : 0)
        bind(6, change.burial)
        bind(7, Int64(change.counts.reserves))
        bind(8, Int64(change.counts.timeouts))
        bind(9, Int64(change.counts.releases))
        bind(10, Int64(change.counts.buries))
        bind(11, Int64(change.counts.kicks))
        bind(12, Int64(change.formerReserves))
        bind(13, blob: change.reason)
        try run()
    }

    /// Runs a statement whose parameters are the fields of a job's tags.
    func insert(_ tags: JobTags, of id: UInt64) throws(SQLiteFailure) {
        bind(1, Int64(bitPattern: id))
        bind(2, text: tags.key)
        bind(3, Int64(tags.keySeconds))
        bind(4, Int64(tags.keepSeconds))
        bind(5, Int64(tags.attempts))
        bind(6, tags.backoff.map { Int64($0.first) })
        bind(7, tags.backoff.map { Int64($0.most) })
        bind(8, tags.isLeasedToConnection ? 1 : 0)
        try run()
    }

    /// Runs a statement whose parameters are the fields of an outcome.
    func insert(_ outcome: OutcomeRecord, offset: Int64) throws(SQLiteFailure) {
        bind(1, Int64(bitPattern: outcome.id))
        bind(2, text: outcome.tube)
        bind(3, text: outcome.key)
        bind(4, text: Array(outcome.end.rawValue.utf8))
        bind(5, Int64(outcome.attempt))
        bind(6, Int64(outcome.attempts))
        bind(7, outcome.time.nanoseconds &+ offset)
        bind(8, outcome.keptUntil.nanoseconds &+ offset)
        bind(9, outcome.uniqueUntil.nanoseconds &+ offset)
        bind(10, blob: outcome.data)
        try run()
    }

    /// Runs a statement whose parameters are a tube's name and two numbers.
    func setPause(_ tube: [UInt8], _ seconds: UInt32, _ until: Int64) throws(SQLiteFailure) {
        bind(2, Int64(seconds))
        bind(3, until)
        try run(tube: tube)
    }

    /// Runs a statement whose first parameter is a tube's name.
    func run(tube: [UInt8]) throws(SQLiteFailure) {
        // SAFETY: SQLite copies the text: that is what the last argument says.
        unsafe tube.withUnsafeBytes { tube in
            let copy = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            let name = unsafe tube.baseAddress?.assumingMemoryBound(to: CChar.self)
            unsafe sqlite3_bind_text(pointer, 1, name, Int32(tube.count), copy)
        }
        try run()
    }

    private func bind(_ index: Int32, _ value: Int64) {
        // SAFETY: an index that the statement does not have is an error that SQLite returns, and no access.
        unsafe sqlite3_bind_int64(pointer, index, value)
    }

    private func bind(_ index: Int32, _ value: Int64?) {
        guard let value else {
            // SAFETY: as with a number.
            unsafe sqlite3_bind_null(pointer, index)
            return
        }
        bind(index, value)
    }

    private func bind(_ index: Int32, text: [UInt8]) {
        guard !text.isEmpty else {
            // SAFETY: the text lives for ever.
            unsafe sqlite3_bind_text(pointer, index, "", 0, nil)
            return
        }
        // SAFETY: SQLite copies the text: that is what the last argument says.
        unsafe text.withUnsafeBytes { text in
            let copy = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            let start = unsafe text.baseAddress?.assumingMemoryBound(to: CChar.self)
            unsafe sqlite3_bind_text(pointer, index, start, Int32(text.count), copy)
        }
    }

    private func bind(_ index: Int32, blob: [UInt8]) {
        guard !blob.isEmpty else {
            // SAFETY: as with a number.
            unsafe sqlite3_bind_zeroblob(pointer, index, 0)
            return
        }
        // SAFETY: SQLite copies the bytes: that is what the last argument says.
        unsafe blob.withUnsafeBytes { blob in
            let copy = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            unsafe sqlite3_bind_blob64(pointer, index, blob.baseAddress, UInt64(blob.count), copy)
        }
    }

    private func failure() -> SQLiteFailure {
        let failure = unsafe SQLiteFailure(sqlite3_db_handle(pointer))
        unsafe sqlite3_reset(pointer)
        return failure
    }

    // MARK: Rows

    /// Calls `body` for each row. The columns are read with the functions below, during the call.
    func forEachRow(_ body: () -> Void) throws(SQLiteFailure) {
        while true {
            switch unsafe sqlite3_step(pointer) {
            case SQLITE_ROW: body()
            case SQLITE_DONE:
                unsafe sqlite3_reset(pointer)
                return
            default: throw failure()
            }
        }
    }

    func number(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(pointer, column) }

    func number32(_ column: Int32) -> UInt32 { UInt32(truncatingIfNeeded: number(column)) }

    func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(pointer, column) == SQLITE_NULL }

    func bytes(_ column: Int32) -> [UInt8] {
        // SAFETY: the bytes are there until the next step, and are copied here; asked for their number after their
        // place, as SQLite wants it.
        guard let start = unsafe sqlite3_column_blob(pointer, column) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(pointer, column))
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}

extension Database {
    /// How many pages this connection has written, to the log or the file, since the last call.
    func takeWrittenPageCount() -> Int {
        var current: Int32 = 0
        var highest: Int32 = 0
        // SAFETY: the connection is open, and the two numbers are written during the call.
        unsafe sqlite3_db_status(sqliteConnection, SQLITE_DBSTATUS_CACHE_WRITE, &current, &highest, 1)
        return Int(current)
    }

    /// Whether a transaction is open.
    var hasTransaction: Bool { unsafe sqlite3_get_autocommit(sqliteConnection) == 0 }
}

extension JobState {
    /// The number that stands for the state in the store.
    var storedNumber: Int {
        switch self {
        case .ready, .reserved: 0
        case .delayed: 1
        case .buried: 2
        }
    }

    init(storedNumber: Int64) {
        self =
            switch storedNumber {
            case 1: .delayed
            case 2: .buried
            default: .ready
            }
    }
}
