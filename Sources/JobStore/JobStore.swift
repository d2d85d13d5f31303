// SPDX-License-Identifier: Apache-2.0

internal import Foundation
public import JobQueue

/// The jobs of a queue on disk, kept so that whatever was reported as kept is there after a crash.
///
/// ```swift
/// let store = try JobStore(StoreOptions(folder: "/var/lib/talkback"))
/// let queue = JobQueue(isRecording: true)
/// try store.recover(into: queue, at: now)
/// store.start { … }                        // called whenever `progress` is different
/// store.submit(&mutations, through: 17, nextID: 9)
/// ```
///
/// The mutations that a queue records are committed in groups, on a thread of the store's own: while one group is
/// written and synced, the next one gathers. The queue is in memory; the store is its log and what it is recovered
/// from.
///
/// It is a SQLite database in WAL mode, `jobs.sqlite`, written by one connection of one process, and beside it
/// `jobs.log`, a file of fixed size to which small groups are committed first. When that is full, what they have left
/// goes into the tables; and so it does when the store is closed, after which the database is all there is. A copy of a
/// store that is not closed needs both, and SQLite's `jobs.sqlite-wal`.
///
/// Times are kept by the clock that counts from the boot, so that within a boot nothing that happens to the wall clock
/// changes a delay, a pause or the life of an outcome. From one boot to the next the wall clock says how long the
/// machine was off; if it is wrong, there is still never more left than was asked for: see ``StoreClocks``.
///
/// Beside them are a lock, and disk space set aside for the day when the disk is full: a group that the queue has
/// executed must be written, so then the space is given up, the group is written with it, and the owner is to take no
/// more jobs until the space is back.
public final class JobStore: @unchecked Sendable {
    // `@unchecked`: what changes is used only while `condition` is locked.

    /// How far the store has come.
    public struct Progress: Sendable {
        /// Everything through this mutation is kept.
        public var sequence: UInt64 = 0
        /// Whether the disk is full, so that no more jobs should be taken.
        public var isFull = false
        /// Why the store has ended; nothing is kept any more.
        public var failure: StoreError?

        /// Nothing is kept yet.
        package init() {}
    }

    /// What is to be committed next.
    struct Gathering {
        var mutations: [Mutation] = []
        /// How many of them are committed: all, unless the disk became full.
        var position = 0
        var sequence: UInt64 = 0
        var nextID: UInt64 = 1
        var isClosing = false
        var waitsForSpace = true
        var hasEnded = false
    }

    private let committer: Committer
    /// Signalled when there is something to do for the store's thread, and when it has ended.
    private let condition = Condition()
    private var gathering = Gathering()
    private var state = Progress()

    /// The most bytes in a job's body: what SQLite can keep, and what goes with it.
    public static let maximumJobSize = 1_000_000_000 - 65_536

    /// Opens a folder's store, or makes a new one.
    ///
    /// - Throws: `StoreError` when the folder cannot be written, another process has it, or what is there cannot be
    ///   read; then what is there is as it was.
    public init(_ options: StoreOptions) throws(StoreError) {
        committer = try Committer(options)
    }

    /// Puts everything that is kept into a queue. Before ``start(_:)``.
    ///
    /// - Parameters:
    ///   - queue: An empty queue.
    ///   - now: The queue's time.
    ///   - onProgress: Told now and then how many jobs of how many are there.
    /// - Throws: `StoreError` when something cannot be read.
    public func recover(
        into queue: JobQueue, at now: QueueTime,
        onProgress: @Sendable (_ count: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(StoreError) {
        try committer.recover(into: queue, at: now, onProgress)
        condition.withLock { gathering.nextID = queue.nextID }
    }

    /// Begins to commit what is submitted.
    ///
    /// - Parameter onProgress: Called on the store's thread when ``progress`` has changed.
    public func start(_ onProgress: @escaping @Sendable () -> Void) {
        update { $0.isFull = !committer.hasReserve }
        let thread = Thread { [self] in
            run(onProgress)
            committer.close()
            condition.withLock {
                gathering.hasEnded = true
                condition.broadcast()
            }
        }
        thread.name = "talkback store"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// How far the store has come. Any thread may ask.
    public var progress: Progress { condition.withLock { state } }

    /// Gives mutations to the store, in order. They are committed as soon as the group before them is. Any thread may
    /// call it, one at a time.
    ///
    /// - Parameters:
    ///   - mutations: Taken out of the array.
    ///   - sequence: The number of the last mutation among all so far that a reply may wait for.
    ///   - nextID: A number that no job has had yet.
    public func submit(_ mutations: inout [Mutation], through sequence: UInt64, nextID: UInt64) {
        condition.lock()
        let mustWake = gathering.mutations.isEmpty
        if mustWake {
            swap(&gathering.mutations, &mutations)
        } else {
            gathering.mutations.append(contentsOf: mutations)
        }
        gathering.sequence = sequence
        gathering.nextID = nextID
        condition.unlock()
        // Not under the lock, which the thread would have to wait for.
        if mustWake { condition.signal() }
        mutations.removeAll(keepingCapacity: true)
    }

    /// From now on ends with a failure, in place of waiting, where the disk has no space for what was submitted, not
    /// even with what was set aside.
    public func stopWaitingForSpace() {
        condition.withLock { gathering.waitsForSpace = false }
        condition.signal()
    }

    /// Commits what was submitted, and ends. The folder is free for others when this returns.
    ///
    /// - Throws: `StoreError` if something could not be kept.
    public func close() throws(StoreError) {
        condition.lock()
        gathering.isClosing = true
        condition.signal()
        while !gathering.hasEnded { condition.wait() }
        let failure = state.failure
        condition.unlock()
        if let failure { throw failure }
    }

    // MARK: The store's thread

    private func run(_ onProgress: @escaping @Sendable () -> Void) {
        do throws(StoreError) {
            try committer.run { commit throws(StoreError) in
                var group = Gathering()
                while next(&group, commit.deadline) {
                    while try !commit.group(&group) {
                        // The disk is full. What has been executed must be written all the same, and may have to wait
                        // for it.
                        update { $0.isFull = true }
                        onProgress()
                        guard pause(until: commit.deadline) else { throw commit.fullError }
                    }
                    let sequence = group.sequence
                    update { progress in
                        progress.sequence = sequence
                        progress.isFull = !commit.hasReserve
                    }
                    onProgress()
                }
                try commit.finish(nextID: condition.withLock { gathering.nextID })
            }
        } catch {
            update { $0.failure = error }
            onProgress()
        }
    }

    /// Waits a while for the disk to have space, but not beyond a time when there is something to look after.
    ///
    /// - Returns: Whether to go on; `false` if the store is closing, or is to wait no more.
    private func pause(until deadline: Int64?) -> Bool {
        let end = Clock.monotonic + 500_000_000
        return condition.withLock {
            func mayWait() -> Bool { !gathering.isClosing && gathering.waitsForSpace }
            if mayWait() { _ = condition.wait(until: min(end, deadline ?? end)) }
            return mayWait()
        }
    }

    private func update(_ change: (inout Progress) -> Void) {
        condition.withLock { change(&state) }
    }

    /// Waits for the next group, which may be empty when it is time to look after something.
    ///
    /// - Returns: Whether there is one; `false` when the store is closing and everything is committed.
    private func next(_ group: inout Gathering, _ deadline: Int64?) -> Bool {
        group.mutations.removeAll(keepingCapacity: group.mutations.capacity <= 1 << 16)
        group.position = 0
        condition.lock()
        defer { condition.unlock() }
        while gathering.mutations.isEmpty {
            if gathering.isClosing { return false }
            if let deadline {
                guard deadline > Clock.monotonic, condition.wait(until: deadline) else { break }
            } else {
                condition.wait()
            }
        }
        swap(&group.mutations, &gathering.mutations)
        group.sequence = gathering.sequence
        group.nextID = gathering.nextID
        return true
    }
}
