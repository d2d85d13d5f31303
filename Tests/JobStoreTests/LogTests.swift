// SPDX-License-Identifier: Apache-2.0

// For files that are copied, cut and damaged.
import Foundation
import GRDB
import JobQueue
import JobStore
import TestSupport
import Testing

/// What a store that was never closed leaves: its log, and what of it the tables have.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct LogTests {
    @Test(arguments: [.always, .every(.milliseconds(3)), .never] as [StoreOptions.Sync], 1...2 as ClosedRange<UInt64>)
    func everythingIsThereAfterACrash(sync: StoreOptions.Sync, seed: UInt64) throws {
        let store = try RunningStore(sync)
        var random = SeededGenerator(seed: seed &* 99)
        var model = Model()
        for group in 1...280 {
            let count = Int.random(in: 1...(group % 50 == 0 ? 3000 : 60), using: &random)
            store.submit((0..<count).map { _ in model.next(&random) }, nextID: model.nextID)
            if group % 60 == 0 { try store.crash { try model.compare(with: $0) } }
        }
        try store.close()
        try store.crash(files: ["jobs.sqlite"]) { try model.compare(with: $0) }
        // What belonged to jobs that are gone is gone.
        for table in ["change", "tags"] {
            let count = try DatabaseQueue(path: store.file("jobs.sqlite")).read {
                try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table) WHERE id NOT IN (SELECT id FROM job)")
            }
            #expect(count == 0, "\(table)")
        }
    }

    /// Each transaction has some of the groups; what follows them in the log is found from there on.
    @Test func logIsFollowedFromTheMiddle() throws {
        let store = try RunningStore()
        for id in 1...9 as ClosedRange<UInt64> { store.submit([.put(record(id))], nextID: id + 1) }
        for (number, ids) in [(0, 1...9), (1, 2...9), (8, 9...9)] as [(Int, ClosedRange<UInt64>)] {
            try store.crash(sql: "UPDATE state SET group_number = \(number)") { queue in
                #expect((1...9).filter { queue.job($0) != nil } == Array(ids))
                #expect(queue.nextID == 10)
            }
        }
        try store.crash(sql: "UPDATE state SET group_number = 9") { #expect($0.statistics.ready == 0) }
        try store.close()
    }

    @Test(arguments: ["group_number = -1", "next_id = 0", "log_key = 'x'"])
    func stateThatCannotBeIsRefused(change: String) throws {
        let store = try RunningStore()
        let error = try #require(throws: StoreError.self) {
            try store.crash(sql: "UPDATE state SET \(change)") { _ in }
        }
        #expect(error.reason == .damaged("it does not say how far it is"))
        try store.close()
    }

    @Test func cleanlyClosedStoreIsOneFile() throws {
        let store = try RunningStore()
        store.submit([.put(record(1))], nextID: 2)
        #expect(FileManager.default.fileExists(atPath: store.file("jobs.log")))
        try store.close()
        #expect(!FileManager.default.fileExists(atPath: store.file("jobs.log")))
    }

    @Test func numbersAreKept() throws {
        let store = try RunningStore()
        store.submit((1...5000).map { .put(record($0)) }, nextID: 5001)
        store.submit((1...5000).map { .delete($0, changes: 0) }, nextID: 5001)
        try store.crash { #expect($0.nextID >= 5001) }
        store.submit([.put(record(5001))], nextID: 5002)
        store.submit([.delete(5001, changes: 0)], nextID: 5002)
        try store.crash { #expect($0.nextID >= 5002) }
        try store.close()
    }

    @Test func groupsBeforeADamagedOneAreThere() throws {
        let store = try RunningStore()
        for id in 1...5 as ClosedRange<UInt64> { store.submit([.put(record(id))], nextID: id + 1) }
        let log = try Data(contentsOf: URL(fileURLWithPath: store.file("jobs.log")))
        let page = 4096
        let start = 2 * page
        let used = try #require(log[start..<start + page].lastIndex { $0 != 0 })
        #expect(start + 60..<start + 200 ~= used)
        for index in stride(from: start, through: used, by: 2) {
            var damaged = log
            damaged[index] ^= 1 << UInt8(index % 8)
            try store.crash(log: damaged) { queue in
                #expect((1...5).map { queue.job($0) != nil } == [true, true, false, false, false], "byte \(index)")
            }
        }
        // Cut, a store has what is before the cut. What a group's page is filled up with is nothing that is missed.
        for (size, count) in [
            (0, 0), (1, 0), (30, 0), (used - start, 0), (page, 1), (start + 30, 2), (start + page, 3),
        ] {
            try store.crash(log: log.prefix(size)) { #expect($0.statistics.ready == count, "\(size) bytes") }
        }
        try store.close()
    }

    @Test func logOfAnotherStoreIsNotFollowed() throws {
        let (one, other) = (try RunningStore(), try RunningStore())
        one.submit([.put(record(1))], nextID: 2)
        other.submit([.put(record(7)), .put(record(8))], nextID: 9)
        let log = try Data(contentsOf: URL(fileURLWithPath: other.file("jobs.log")))
        try one.crash(log: log) { queue in
            #expect(queue.statistics.ready == 0)
            #expect(queue.nextID == 1)
        }
        try one.close()
        try other.close()
    }

    @Test func storeWithoutItsLogIsRefused() throws {
        let store = try RunningStore()
        store.submit([.put(record(1))], nextID: 2)
        let error = try #require(throws: StoreError.self) {
            try store.crash(files: ["jobs.sqlite", "jobs.sqlite-wal"]) { _ in }
        }
        #expect(error.operation == "open" && error.path.hasSuffix("/jobs.log") && error.reason == .missing)
        try store.close()
    }

    private func record(_ id: UInt64) -> JobRecord {
        JobRecord(
            id: id, tube: Array("default".utf8), priority: 0, delay: 0, timeToRun: 60,
            creation: QueueTime(nanoseconds: 0), due: QueueTime(nanoseconds: 0), body: Array("body".utf8))
    }
}

/// A store in a folder of its own.
private final class RunningStore {
    private let folder = TemporaryFolder()
    private let store: JobStore
    private let news = DispatchSemaphore(value: 0)
    private var sequence: UInt64 = 0

    init(_ sync: StoreOptions.Sync = .always) throws {
        store = try JobStore(StoreOptions(folder: folder.path, sync: sync, reserveSize: 1 << 16))
        store.start { [news] in news.signal() }
    }

    func file(_ name: String) -> String { folder.file(name) }

    /// Returns when the group is kept.
    func submit(_ mutations: [Mutation], nextID: UInt64) {
        var mutations = mutations
        sequence += 1
        store.submit(&mutations, through: sequence, nextID: nextID)
        while store.progress.sequence < sequence, store.progress.failure == nil { news.wait() }
        #expect(store.progress.failure == nil)
    }

    func close() throws { try store.close() }

    /// Gives `body` what another process finds, that starts after this one has crashed now: twice, the second time
    /// after it was stopped.
    ///
    /// - Parameters:
    ///   - files: What is there of the store.
    ///   - log: What is found in place of the log.
    ///   - sql: What is done to the tables before.
    func crash(
        files: [String] = ["jobs.sqlite", "jobs.sqlite-wal", "jobs.log"], log: Data? = nil, sql: String? = nil,
        _ body: (JobQueue) throws -> Void
    ) throws {
        let other = TemporaryFolder()
        for name in files { try FileManager.default.copyItem(atPath: file(name), toPath: other.file(name)) }
        if let log { try log.write(to: URL(fileURLWithPath: other.file("jobs.log"))) }
        if let sql { try DatabaseQueue(path: other.file("jobs.sqlite")).write { try $0.execute(sql: sql) } }
        for _ in 0..<2 {
            let copy = try JobStore(StoreOptions(folder: other.path, sync: .never, reserveSize: 1 << 16))
            let queue = JobQueue()
            try copy.recover(into: queue, at: Model.now)
            try body(queue)
            copy.start {}
            try copy.close()
        }
    }
}

/// What a store should have, and what can happen next.
private struct Model {
    private var jobs: [UInt64: JobRecord] = [:]
    private var changes: [UInt64: JobChange] = [:]
    private var changeCounts: [UInt64: UInt8] = [:]
    private var outcomes: [UInt64: OutcomeRecord] = [:]
    private var pauses: [[UInt8]: UInt32] = [:]
    private(set) var nextID: UInt64 = 1
    /// A job that changes more often than can be counted.
    private var steady: UInt64 { max(nextID / 4000 * 4000, 1) }

    /// The queue's time: what the store takes its clock's zero to be.
    static var now: QueueTime {
        var time = timespec()
        // SAFETY: the time is written during the call.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return QueueTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    private static let hour: Int64 = 3_600_000_000_000
    private static var later: QueueTime { QueueTime(nanoseconds: now.nanoseconds + hour) }

    /// Something that can happen now, as a queue would record it. Most jobs do not live long.
    mutating func next(_ random: inout SeededGenerator) -> Mutation {
        let oldest = random.isOneOf(3) ? 1 : max(nextID, 31) - 30
        let id = random.isOneOf(10) ? steady : UInt64.random(in: oldest...max(nextID, 31), using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<6: break
        case 6..<13 where jobs[id] != nil && (id != steady || random.isOneOf(300)): return end(id, &random)
        case 13..<17 where jobs[id] != nil: return change(id, &random)
        case 17:
            guard outcomes.count > 20, let outcome = outcomes.keys.min() else { break }
            if outcomes[outcome]?.data.isEmpty == true {
                outcomes[outcome] = nil
                return .forget(outcome)
            }
            outcomes[outcome]?.data = []
            return .forgetData(outcome)
        case 18:
            let name = Array("tube-\(random.small)".utf8)
            let seconds = random.isOneOf(2) ? 0 : 3600 + random.small
            pauses[name] = seconds == 0 ? nil : seconds
            return .pause(name, seconds: seconds, until: seconds == 0 ? Self.now : Self.later)
        default: break
        }
        return put(&random)
    }

    private mutating func put(_ random: inout SeededGenerator) -> Mutation {
        let size = random.isOneOf(2000) ? 100_000 : random.isOneOf(100) ? 9000 : Int(random.small)
        var job = JobRecord(
            id: nextID, tube: Array("tube-\(random.small)".utf8), priority: random.any32,
            delay: random.isOneOf(4) ? 3600 : 0, timeToRun: max(random.any32, 1), creation: Self.now, due: Self.later,
            body: [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: size))
        if random.isOneOf(3) {
            job.tags = JobTags(
                key: random.isOneOf(2) ? [] : Array("key-\(nextID)".utf8), keySeconds: 7200, keepSeconds: 7200,
                attempts: random.isOneOf(2) ? 0 : .max,
                backoff: random.isOneOf(2) ? nil : JobTags.Backoff(first: 1, most: random.any32),
                isLeasedToConnection: random.isOneOf(2))
        }
        jobs[nextID] = job
        nextID += 1
        return .put(job)
    }

    private mutating func change(_ id: UInt64, _ random: inout SeededGenerator) -> Mutation {
        let state = [JobState.ready, .delayed, .buried].randomElement(using: &random) ?? .ready
        var counts = JobCounts()
        counts.reserves = 16 + random.any32 >> 1
        counts.timeouts = random.small
        counts.releases = random.any32
        counts.buries = random.small
        counts.kicks = random.small
        let change = JobChange(
            id: id, state: state, priority: random.any32, delay: state == .delayed ? 3600 : random.small,
            due: state == .delayed ? Self.later : QueueTime(nanoseconds: 0),
            burial: state == .buried ? Int64.random(in: 1...Int64.max, using: &random) : 0, counts: counts,
            formerReserves: random.small, reason: random.isOneOf(2) ? [] : Array("reason \(random.small)".utf8))
        changes[id] = change
        changeCounts[id] = min(changeCounts[id] ?? 0, .max - 1) + 1
        return .change(change)
    }

    private mutating func end(_ id: UInt64, _ random: inout SeededGenerator) -> Mutation {
        let count = changeCounts[id] ?? 0
        let job = jobs.removeValue(forKey: id)
        changes[id] = nil
        changeCounts[id] = nil
        guard let job, let tags = job.tags else { return .delete(id, changes: count) }
        guard !random.isOneOf(4) else { return .end(id, changes: count, nil) }
        let end = [JobEnd.done, .failed, .cancelled].randomElement(using: &random) ?? .done
        let outcome = OutcomeRecord(
            id: id, tube: job.tube, key: tags.key, end: end, attempt: random.any32, attempts: tags.attempts,
            time: Self.now, keptUntil: Self.later, uniqueUntil: Self.later, data: Array("result of \(id)".utf8))
        outcomes[id] = outcome
        return .end(id, changes: count, outcome)
    }

    /// Compares without a check for each field: there are many, and a check takes its time.
    func compare(with queue: JobQueue) throws {
        let now = Self.now
        try #require(queue.nextID >= nextID)
        try #require(queue.statistics.ready + queue.statistics.delayed + queue.statistics.buried == jobs.count)
        try #require(queue.statistics.outcomes == outcomes.count)
        for (id, job) in jobs where !isSame(job, changes[id], queue, now) {
            let found = queue.statistics(ofJob: id, at: now)
            Issue.record("job \(id) was \(job.tags as Any), \(changes[id] as Any), and is \(found as Any)")
            return
        }
        for (id, outcome) in outcomes {
            let found = queue.status(of: id, at: now)
            if found?.state == .ended(outcome.end), found?.data == outcome.data, found?.attempt == outcome.attempt {
                continue
            }
            Issue.record("outcome \(id) was \(outcome), and is \(found as Any)")
            return
        }
        for number in 0..<16 {
            let name = Array("tube-\(number)".utf8)
            try #require(queue.statistics(ofTube: name, at: now)?.pause ?? 0 == pauses[name] ?? 0)
        }
    }

    private func isSame(_ job: JobRecord, _ change: JobChange?, _ queue: JobQueue, _ now: QueueTime) -> Bool {
        guard let found = queue.statistics(ofJob: job.id, at: now) else { return false }
        let state = change?.state ?? (job.delay == 0 ? .ready : .delayed)
        if state == .delayed {
            let left = ((change?.due ?? job.due).nanoseconds - now.nanoseconds) / 1_000_000_000
            guard abs(found.timeLeft - left) <= 1 else { return false }
        }
        return found.tube == job.tube && found.timeToRun == job.timeToRun && found.state == state
            && found.priority == change?.priority ?? job.priority && found.delay == change?.delay ?? job.delay
            && found.counts == change?.counts ?? JobCounts() && queue.job(job.id)?.body == job.body
            && queue.status(of: job.id, at: now)?.attempts == job.tags?.attempts ?? 0
    }
}

extension SeededGenerator {
    fileprivate var small: UInt32 { mutating get { UInt32.random(in: 0..<16, using: &self) } }

    /// One with any number of digits.
    fileprivate var any32: UInt32 {
        mutating get { UInt32(truncatingIfNeeded: next() >> UInt64.random(in: 32..<64, using: &self)) }
    }
}
