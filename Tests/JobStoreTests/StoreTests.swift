// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import JobQueue
import JobStore
import TestSupport
import Testing

/// The store through its own interface. What a crash leaves is for Tests/Crash.
@Suite(.blocking, .timeLimit(.minutes(5)))
final class StoreTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.path }
    private var file: String { folder.file("jobs.sqlite") }

    private func open(_ sync: StoreOptions.Sync = .always) throws -> JobStore {
        try JobStore(StoreOptions(folder: path, sync: sync, reserveSize: 1 << 16))
    }

    /// The queue's time: what the store takes its clock's zero to be.
    private static var now: QueueTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return QueueTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Opens, has `body` change the queue, closes.
    private func change(_ sync: StoreOptions.Sync = .always, _ body: (JobQueue, ClientID) -> Void) throws {
        let store = try open(sync)
        let queue = JobQueue(isRecording: true)
        try store.recover(into: queue, at: Self.now)
        store.start {}
        let client = queue.connect()
        body(queue, client)
        var mutations: [Mutation] = []
        queue.takeMutations(into: &mutations)
        store.submit(&mutations, through: queue.lastSequence, nextID: queue.nextID)
        #expect(mutations.isEmpty)
        try store.close()
        #expect(store.progress.sequence == queue.lastSequence)
    }

    private func put(
        _ queue: JobQueue, _ client: ClientID, priority: UInt32 = 0, delay: UInt32 = 0, _ body: [UInt8] = []
    ) -> UInt64 {
        let id = queue.takeID()
        queue.put(id, priority: priority, delay: delay, timeToRun: 60, body, by: client, at: Self.now)
        return id
    }

    @Test(arguments: [.always, .every(.milliseconds(10)), .never] as [StoreOptions.Sync])
    func everythingIsThereAgain(sync: StoreOptions.Sync) throws {
        let bodies = [[], [0], Array("\r\n\0é".utf8), [UInt8](repeating: 7, count: 100_000)]
        try change(sync) { queue, client in
            queue.use(Array("a;b(c)".utf8), by: client)
            for body in bodies { _ = put(queue, client, priority: .max, body) }
            _ = put(queue, client, delay: .max)
            _ = queue.watch(Array("a;b(c)".utf8), by: client)
            for id in [2, 3, 4] as [UInt64] { _ = queue.reserve(id, for: client, at: Self.now) }
            _ = queue.bury(3, priority: 9, by: client, at: Self.now)
            _ = queue.bury(2, priority: 8, by: client, at: Self.now)
            _ = queue.release(4, priority: 7, delay: 1000, by: client, at: Self.now)
            _ = queue.pause(Array("a;b(c)".utf8), 5000, at: Self.now)
        }
        try change(sync) { queue, client in
            queue.use(Array("a;b(c)".utf8), by: client)
            for (index, body) in bodies.enumerated() { #expect(queue.job(UInt64(index) + 1)?.body == body) }
            #expect(queue.statistics(ofJob: 1, at: Self.now)?.priority == .max)
            #expect(queue.statistics(ofJob: 5, at: Self.now)?.delay == .max)
            #expect(((1 << 32) - 100...(1 << 32)).contains(queue.statistics(ofJob: 5, at: Self.now)?.timeLeft ?? 0))
            #expect(queue.firstJob(.buried, for: client)?.id == 3)
            #expect(queue.statistics(ofJob: 2, at: Self.now)?.priority == 8)
            #expect(queue.statistics(ofJob: 2, at: Self.now)?.counts.buries == 1)
            let released = queue.statistics(ofJob: 4, at: Self.now)
            #expect(released?.state == .delayed && released?.priority == 7 && released?.delay == 1000)
            #expect((900...1000).contains(released?.timeLeft ?? 0))
            let tube = queue.statistics(ofTube: Array("a;b(c)".utf8), at: Self.now)
            #expect(tube?.pause == 5000 && (4900...5000).contains(tube?.pauseTimeLeft ?? 0))
            #expect(queue.nextID == 6)
            for id in 1...5 as ClosedRange<UInt64> { #expect(queue.delete(id, by: client, at: Self.now)) }
        }
        try change(sync) { queue, client in
            #expect(queue.statistics.ready == 0 && queue.statistics.buried == 0)
            // Never again, even though there is nothing left that has one.
            #expect(queue.nextID == 6)
        }
        #expect(try rows("SELECT count(*) FROM change") == 0)
    }

    @Test func changesOfAJobThatIsGoneLeaveNothing() throws {
        // In one group, and in several.
        try change { queue, client in
            let id = put(queue, client)
            for _ in 0..<3 {
                _ = queue.reserve(for: client, timeout: 0, at: Self.now)
                _ = queue.release(id, priority: 0, delay: 0, by: client, at: Self.now)
            }
            _ = queue.delete(id, by: client, at: Self.now)
            for _ in 0..<300 { _ = put(queue, client) }
        }
        try change { queue, client in
            for _ in 0..<200 { _ = queue.reserve(for: client, timeout: 0, at: Self.now) }
        }
        #expect(try rows("SELECT count(*) FROM change") == 200)
        try change { queue, client in
            for id in 2...301 as ClosedRange<UInt64> {
                _ = queue.reserve(id, for: client, at: Self.now)
                _ = queue.delete(id, by: client, at: Self.now)
            }
        }
        #expect(try rows("SELECT count(*) FROM change") == 0)
        #expect(try rows("SELECT count(*) FROM job") == 0)
    }

    /// Counts, in a file that no store has open.
    private func rows(_ sql: String) throws -> Int? {
        try DatabaseQueue(path: file).read { try Int.fetchOne($0, sql: sql) }
    }

    @Test func endedPausesLeaveNothing() throws {
        let name = Array("a".utf8)
        try change { queue, client in
            queue.use(name, by: client)
            _ = queue.pause(name, 1000, at: Self.now)
            _ = queue.pause(Array("default".utf8), 1, at: Self.now)
        }
        #expect(try rows("SELECT count(*) FROM pause WHERE seconds = 1000") == 1)
        try change { queue, _ in _ = queue.pause(name, 0, at: Self.now) }
        while try rows("SELECT count(*) FROM pause") != 0 { try change { _, _ in } }
    }

    @Test func largeGroupsAreCommittedInParts() throws {
        try change { queue, client in
            for _ in 0..<20_000 { _ = put(queue, client, Array(repeating: 1, count: 1000)) }
        }
        try change { queue, client in
            for id in 1...20_000 as ClosedRange<UInt64> where id % 2 == 0 {
                _ = queue.delete(id, by: client, at: Self.now)
            }
        }
        try change { queue, _ in
            #expect(queue.statistics.ready == 10_000)
            #expect(queue.job(1) != nil && queue.job(2) == nil && queue.job(19_999) != nil && queue.job(20_000) == nil)
        }
    }

    @Test func emptyFolderIsMadeAndOnlyItsOwnersBusiness() throws {
        let path = folder.file("a")
        let store = try JobStore(StoreOptions(folder: path, reserveSize: 1 << 16))
        store.start {}
        try store.close()
        let facts = try FileManager.default.attributesOfItem(atPath: path)
        #expect(facts[.posixPermissions] as? Int == 0o700)
        let file = try FileManager.default.attributesOfItem(atPath: path + "/jobs.sqlite")
        #expect(file[.posixPermissions] as? Int == 0o600)
        try FileManager.default.removeItem(atPath: path)
    }

    // MARK: What is refused

    private func refusal(_ path: String? = nil) -> String? {
        do throws(StoreError) {
            let store = try JobStore(StoreOptions(folder: path ?? self.path, reserveSize: 1 << 16))
            try store.recover(into: JobQueue(), at: Self.now)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func folderIsOneProcesssOnly() throws {
        let store = try open()
        store.start {}
        #expect(
            refusal() == """
                lock \(path)/lock: another server, process \(getpid()), keeps its jobs there; stop it, or give this \
                one another folder with --data
                """)
        try store.close()
    }

    @Test func folderThatCannotBeMadeIsRefused() throws {
        try Data().write(to: URL(fileURLWithPath: folder.file("file")))
        #expect(refusal(folder.file("file/x")) == "make the folder \(path)/file/x: Not a directory")
        #expect(refusal(folder.file("file")) == "open the folder \(path)/file: Not a directory")
        #expect(refusal("/proc/none") == "make the folder /proc/none: No such file or directory")
    }

    @Test func foreignFilesAreRefusedAndStayAsTheyAre() throws {
        let text = Data("This is somebody's diary, and long enough not to be empty.".utf8)
        try text.write(to: URL(fileURLWithPath: file))
        #expect(refusal() == "open \(file): it is not a store of Talkback's, and stays as it is")
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == text)
        try FileManager.default.removeItem(atPath: file)

        try DatabaseQueue(path: file).write { try $0.execute(sql: "CREATE TABLE diary (entry TEXT)") }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(refusal() == "open \(file): it is not a store of Talkback's, and stays as it is")
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    }

    @Test func laterSchemaIsRefused() throws {
        try change { queue, client in _ = put(queue, client) }
        try DatabaseQueue(path: file).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: something else')")
        }
        #expect(
            refusal() == "open \(file): a later version of Talkback has written it; this one leaves it as it is")
    }

    @Test func earlierSchemaIsMigrated() throws {
        try change { queue, client in
            for _ in 0..<41 { _ = put(queue, client) }
            _ = queue.delete(41, by: client, at: Self.now)
        }
        try DatabaseQueue(path: file).write {
            try $0.execute(
                sql: """
                    CREATE TABLE next_id (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), id INTEGER NOT NULL);
                    INSERT INTO next_id SELECT 1, next_id FROM state;
                    DROP TABLE state;
                    DELETE FROM grdb_migrations WHERE identifier IN ('3: log', '4: clock');
                    """)
        }
        try change { queue, _ in
            #expect(queue.statistics.ready == 40)
            #expect(queue.nextID == 42)
        }
    }

    @Test func damagedFileIsRefused() throws {
        try change { queue, client in
            for _ in 0..<2000 { _ = put(queue, client, Array(repeating: 1, count: 100)) }
        }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let middle = 8 * 4096..<min(bytes.count, 40 * 4096)
        bytes.replaceSubrange(middle, with: Data(repeating: 0xA5, count: middle.count))
        try bytes.write(to: URL(fileURLWithPath: file))
        let text = refusal() ?? ""
        #expect(text.hasPrefix("read \(file): it is damaged, and stays as it is: "))
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    }

    @Test func beanstalkdsLogIsRefused() throws {
        try Data([7]).write(to: URL(fileURLWithPath: folder.file("binlog.1")))
        #expect(refusal()?.hasPrefix("open \(path): the folder has jobs of beanstalkd's (binlog files)") == true)
        #expect(!FileManager.default.fileExists(atPath: file))
    }
}
