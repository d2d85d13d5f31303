// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import JobQueue
import JobStore
import Synchronization
import TestSupport
import Testing

/// Times that are kept, with clocks that are set and machines that are started anew. What `faketime` does to the whole
/// daemon is for Tests/Crash.
@Suite(.blocking, .timeLimit(.minutes(5)))
final class ClockTests {
    private let folder = TemporaryFolder()
    private let machine = Machine()
    private static let tube = Array("t".utf8)

    /// Opens the store, has `body` change the queue, and closes the store, or crashes.
    private func run(crash: Bool = false, _ body: (JobQueue, ClientID, QueueTime) -> Void) throws {
        let store = try JobStore(
            StoreOptions(folder: folder.path, sync: .never, reserveSize: 1 << 16, clocks: machine.clocks))
        let queue = JobQueue(isRecording: true)
        let now = machine.queueTime
        try store.recover(into: queue, at: now)
        let news = DispatchSemaphore(value: 0)
        store.start { news.signal() }
        body(queue, queue.connect(), now)
        var mutations: [Mutation] = []
        queue.takeMutations(into: &mutations)
        if !mutations.isEmpty {
            store.submit(&mutations, through: queue.lastSequence + 1, nextID: queue.nextID)
            while store.progress.sequence <= queue.lastSequence, store.progress.failure == nil { news.wait() }
        }
        let copy = TemporaryFolder()
        let names = ["jobs.sqlite", "jobs.sqlite-wal", "jobs.log"]
        if crash {
            for name in names { try FileManager.default.copyItem(atPath: folder.file(name), toPath: copy.file(name)) }
        }
        try store.close()
        guard crash else { return }
        for name in names {
            try? FileManager.default.removeItem(atPath: folder.file(name))
            try FileManager.default.moveItem(atPath: copy.file(name), toPath: folder.file(name))
        }
    }

    /// Jobs that are delayed by a put and by a release, a pause, and an outcome with its key: each for 1000 seconds.
    private func fill(crash: Bool) throws {
        try run(crash: crash) { queue, client, now in
            queue.use(Self.tube, by: client)
            _ = queue.watch(Self.tube, by: client)
            queue.put(queue.takeID(), priority: 0, delay: 1000, timeToRun: 9, [], by: client, at: now)
            for tags in [nil, JobTags(key: [97], keySeconds: 1000, keepSeconds: 1000)] {
                queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 9, [], tags, by: client, at: now)
                _ = queue.reserve(queue.nextID - 1, for: client, at: now)
            }
            _ = queue.release(2, priority: 0, delay: 1000, by: client, at: now)
            _ = queue.finish(3, [1], by: client, at: now)
            _ = queue.pause(Self.tube, 1000, at: now)
        }
    }

    /// What is left of everything that was to last a thousand seconds.
    private func check(left: Int64, crash: Bool = false, _ comment: Comment) throws {
        try run(crash: crash) { queue, _, now in
            for id in 1...2 as ClosedRange<UInt64> {
                #expect(queue.statistics(ofJob: id, at: now)?.timeLeft == left, comment)
                #expect(queue.statistics(ofJob: id, at: now)?.age == 1000 - left, comment)
            }
            #expect(queue.statistics(ofTube: Self.tube, at: now)?.pauseTimeLeft ?? 0 == left, comment)
            #expect(queue.status(of: 3, at: now)?.seconds == (left > 0 ? 1000 - left : nil), comment)
        }
    }

    @Test(arguments: [true, false], [0, -31_536_000, 31_536_000, -3600, 500] as [Int64])
    func wallClockIsNothingWithinABoot(crash: Bool, step: Int64) throws {
        try fill(crash: crash)
        for round in 1...3 as ClosedRange<Int64> {
            machine.pass(100)
            machine.setWallClock(by: step)
            try check(left: 1000 - 100 * round, crash: crash, "round \(round)")
        }
    }

    @Test func timeThatTheMachineWasSuspendedCounts() throws {
        try fill(crash: false)
        machine.suspend(400)
        machine.pass(100)
        try check(left: 500, "suspended")
    }

    /// How long the machine was off is what the wall clock says, but never less than nothing.
    @Test(
        arguments: [true, false],
        [
            (0, 1000), (300, 700), (1000, 0), (5000, 0), (3_153_600_000, 0), (-1, 1000), (-3600, 1000),
            (-31_536_000, 1000),
        ] as [(off: Int64, left: Int64)])
    func nothingGrowsFromOneBootToTheNext(crash: Bool, time: (off: Int64, left: Int64)) throws {
        try fill(crash: crash)
        machine.boot(after: time.off)
        try run(crash: crash) { queue, _, now in
            for id in 1...2 as ClosedRange<UInt64> {
                guard let job = queue.statistics(ofJob: id, at: now) else { continue }
                #expect(job.timeLeft == time.left && job.age >= 0)
            }
        }
        guard time.left > 500 else { return }
        // From then on it is exact again, and a second look does not begin anew.
        machine.pass(200)
        machine.setWallClock(by: 77_777)
        try run(crash: crash) { queue, _, now in
            #expect(queue.statistics(ofJob: 1, at: now)?.timeLeft == time.left - 200)
        }
    }

    @Test func bootThatIsNotKnownIsAnother() throws {
        machine.forgetBoot()
        try fill(crash: false)
        machine.pass(100)
        try check(left: 900, "by the wall clock")
        machine.setWallClock(by: -5000)
        try check(left: 900, "not back")
    }

    /// In a container that was moved, for instance.
    @Test func clockThatIsBehindIsAnother() throws {
        machine.pass(50_000)
        try fill(crash: false)
        machine.setTimeSinceBoot(by: -40_000)
        try check(left: 1000, "behind")
        machine.pass(100)
        try check(left: 900, "on")
    }

    /// A folder of the version before, with the tables as it made them.
    @Test(arguments: [100, -31_536_000] as [Int64])
    func folderOfTheVersionBeforeIsTakenOver(step: Int64) throws {
        let second: Int64 = 1_000_000_000
        let put = machine.wallTime
        try DatabaseQueue(path: folder.file("jobs.sqlite")).write { database in
            try database.execute(sql: Self.oldSchema)
            try database.execute(
                sql: """
                    INSERT INTO job VALUES (1, 't', 0, 1000, 9, ?, ?, x'00ff'), (2, 't', 0, 0, 9, ?, 0, x'');
                    INSERT INTO change VALUES (2, 1, 0, 1000, ?, 0, 1, 0, 1, 0, 0, 0, NULL);
                    INSERT INTO pause VALUES ('t', 1000, ?);
                    INSERT INTO outcome VALUES (1, 3, 't', 'a', 'done', 1, 0, ?, ?, ?, x'01');
                    UPDATE state SET next_id = 4;
                    """,
                arguments: [put, put + 1000 * second, put, put + 1000 * second, put + 1000 * second, put]
                    + [put + 1000 * second, put + 1000 * second])
        }
        machine.setWallClock(by: step)
        try check(left: 1000 - max(step, 0), "taken over")
        try run { queue, _, _ in
            #expect(queue.job(1)?.body == [0, 255])
            #expect(queue.nextID == 4)
        }
        machine.pass(100)
        machine.setWallClock(by: 12_345)
        try check(left: 900 - max(step, 0), "exact from then on")
    }

    private static let oldSchema = """
        PRAGMA application_id = 1415670891;
        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
        INSERT INTO grdb_migrations VALUES ('1: jobs'), ('2: outcomes'), ('3: log');
        CREATE TABLE job (
            id INTEGER PRIMARY KEY, tube TEXT NOT NULL, priority INTEGER NOT NULL, delay INTEGER NOT NULL,
            time_to_run INTEGER NOT NULL, creation INTEGER NOT NULL, due INTEGER NOT NULL, body BLOB NOT NULL
        );
        CREATE TABLE change (
            id INTEGER PRIMARY KEY, state INTEGER NOT NULL, priority INTEGER NOT NULL, delay INTEGER NOT NULL,
            due INTEGER NOT NULL, burial INTEGER NOT NULL, reserves INTEGER NOT NULL, timeouts INTEGER NOT NULL,
            releases INTEGER NOT NULL, buries INTEGER NOT NULL, kicks INTEGER NOT NULL,
            former_reserves INTEGER NOT NULL DEFAULT 0, reason BLOB
        );
        CREATE TABLE pause (tube TEXT PRIMARY KEY, seconds INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE tags (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL, key_seconds INTEGER NOT NULL, keep_seconds INTEGER NOT NULL,
            attempts INTEGER NOT NULL, backoff_first INTEGER, backoff_most INTEGER,
            is_leased_to_connection INTEGER NOT NULL
        );
        CREATE TABLE outcome (
            number INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, tube TEXT NOT NULL, key TEXT NOT NULL,
            end TEXT NOT NULL, attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, time INTEGER NOT NULL,
            kept_until INTEGER NOT NULL, unique_until INTEGER NOT NULL, data BLOB NOT NULL
        );
        CREATE TABLE state (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1), next_id INTEGER NOT NULL, log_key INTEGER NOT NULL,
            group_number INTEGER NOT NULL
        );
        INSERT INTO state VALUES (1, 1, 0, 0);
        """
}

/// A machine with clocks that stand still but for what happens to it.
private final class Machine: Sendable {
    private struct State {
        var bootID: String? = UUID().uuidString
        var sinceBoot: Int64 = 3_000_000_000_000
        var wall: Int64 = 1_800_000_000_000_000_000
        var monotonic: Int64 = 2_000_000_000_000
    }

    private let state = Mutex(State())
    private static let second: Int64 = 1_000_000_000

    var clocks: StoreClocks {
        StoreClocks(
            bootID: state.withLock(\.bootID), timeSinceBoot: { self.state.withLock(\.sinceBoot) },
            wallTime: { self.state.withLock(\.wall) }, queueTime: { self.state.withLock(\.monotonic) })
    }

    var queueTime: QueueTime { QueueTime(nanoseconds: state.withLock(\.monotonic)) }
    var wallTime: Int64 { state.withLock(\.wall) }

    func pass(_ seconds: Int64) {
        suspend(seconds)
        state.withLock { $0.monotonic += seconds * Self.second }
    }

    func suspend(_ seconds: Int64) {
        state.withLock { state in
            state.sinceBoot += seconds * Self.second
            state.wall += seconds * Self.second
        }
    }

    func setWallClock(by seconds: Int64) {
        state.withLock { $0.wall += seconds * Self.second }
    }

    func setTimeSinceBoot(by seconds: Int64) {
        state.withLock { $0.sinceBoot += seconds * Self.second }
    }

    func forgetBoot() {
        state.withLock { $0.bootID = nil }
    }

    /// Boots, after the machine was off for as long as the wall clock says then.
    func boot(after seconds: Int64) {
        state.withLock { state in
            let wall = state.wall &+ seconds &* Self.second
            state = State()
            (state.wall, state.sinceBoot, state.monotonic) = (wall, 10 * Self.second, 10 * Self.second)
        }
    }
}
