// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import JobQueue
internal import JobStore

/// What was given to the store and is not kept yet, in order.
struct Submissions {
    private var entries: [(sequence: UInt64, byteCount: Int)] = []
    private(set) var byteCount = 0

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ sequence: UInt64, _ byteCount: Int) {
        entries.append((sequence, byteCount))
        self.byteCount += byteCount
    }

    mutating func remove(through sequence: UInt64) {
        var count = 0
        while count < entries.count, entries[count].sequence <= sequence {
            byteCount -= entries[count].byteCount
            count += 1
        }
        entries.removeSubrange(..<count)
    }
}

/// Something that the loop is asked to do, again and again, without allocating.
final class LoopRequest: LoopWork, Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    func work() { body() }
}

// The store keeps what the queue has done, a group at a time, while the next group gathers.
extension Engine {
    /// No more commands are executed while so many bytes wait for the store, so that what has been executed can always be
    /// written: the store has set space aside for it.
    static var submissionLimit: Int { 1 << 23 }

    var hasRoomInStore: Bool {
        guard submissions.byteCount + queue.mutationCost > Self.submissionLimit else { return true }
        // What is there must be on its way, or there is never room again.
        if queue.hasMutations { submit() }
        return submissions.isEmpty
    }

    /// Has the mutations given to the store when there is nothing else to do, but soon.
    ///
    /// A group costs as much as the commands of several connections. What is there already belongs into it: begun at once, a
    /// group would be of those who came first, and the others would wait for it and for the next one.
    func requestSubmit() {
        if isStopping { return submit() }
        guard queue.lastSequence > submittedSequence else { return submitLater() }
        guard isSubmitRequested else {
            isSubmitRequested = true
            submitDeadline = now.nanoseconds + Self.longestGathering
            loop.whenIdle(submitter)
            return
        }
        if now.nanoseconds >= submitDeadline { submit() }
    }

    /// No reply waits for what there is, so it goes with the next that one does wait for; but it should not be lost either.
    private func submitLater() {
        guard !isLateSubmitScheduled else { return }
        isLateSubmitScheduled = true
        loop.schedule(after: .seconds(1)) { [weak self] in
            self?.assumeIsolated { engine in
                engine.isLateSubmitScheduled = false
                engine.submit()
            }
        }
    }

    /// In nanoseconds.
    private static var longestGathering: Int64 { 1_000_000 }

    func loopIsIdle() {
        isSubmitRequested = false
        submit()
    }

    func submit() {
        submitDeadline = now.nanoseconds + Self.longestGathering
        guard let store, queue.hasMutations else { return }
        submissions.append(queue.lastSequence, queue.mutationCost)
        queue.takeMutations(into: &mutations)
        submittedSequence = queue.lastSequence
        store.submit(&mutations, through: queue.lastSequence, nextID: queue.nextID)
    }

    /// Looks at how far the store has come, and sends what has waited for it.
    func storeHasNews() {
        guard let store else { return }
        let progress = store.progress
        if isStoreFull != progress.isFull {
            isStoreFull = progress.isFull
            onStoreFull(isStoreFull)
        }
        if let error = progress.failure { return fail(error) }
        storedSequence = progress.sequence
        submissions.remove(through: progress.sequence)
        var held: [Session] = []
        swap(&held, &heldSessions)
        for session in held {
            session.isHeld = false
            flushOrEnd(session)
            if !session.barriers.isEmpty { hold(session) }
            // It may have stopped at the limit of unsent replies, and no event will say that it is below it again.
            if session.hasMoreToTake { session.exchange.callAgain() }
        }
        if heldSessions.isEmpty {
            held.removeAll(keepingCapacity: true)
            swap(&held, &heldSessions)
        }
        if hasRoomInStore, !blockedSessions.isEmpty {
            for session in blockedSessions {
                session.isBlocked = false
                session.exchange.callAgain()
            }
            blockedSessions.removeAll()
        }
        if isStopping { endIfDone() }
    }

    /// Begins to commit, and to hear of it.
    func startStore(_ onFull: @escaping @Sendable (Bool) -> Void) {
        onStoreFull = onFull
        let reporter = LoopRequest { [weak self] in self?.assumeIsolated { $0.storeHasNews() } }
        store?.start { [loop] in loop.request(reporter) }
        if let store, store.progress.isFull {
            isStoreFull = true
            onFull(true)
        }
        setTimer()
    }

    // MARK: The end

    /// Executes nothing more, and returns when what was executed is kept and its replies are sent; or when the store has failed.
    func stop() async {
        isStopping = true
        submit()
        endIfDone()
        await waitForEnd()
    }

    /// Returns when the store has failed, or the server has stopped.
    func waitForEnd() async {
        // Looked at where nothing can come between that and the waiting: the call itself may suspend.
        await withCheckedContinuation { continuation in
            if isStopping, isDone { continuation.resume() } else { endWaiters.append(continuation) }
        }
    }

    private var isDone: Bool { failure != nil || (submissions.isEmpty && !queue.hasMutations) }

    private func endIfDone() {
        guard isDone else { return }
        // Each connection ends when its replies are sent, as after a good-bye.
        if failure == nil {
            // Those who wait first, or they would be given what the others leave.
            sessions.values.filter(\.isWaiting).forEach { end($0) }
            sessions.values.forEach { end($0) }
        }
        for waiter in endWaiters { waiter.resume() }
        endWaiters.removeAll()
    }

    /// The store is gone: what waits for it is not true, so nobody is told.
    private func fail(_ error: StoreError) {
        guard failure == nil else { return }
        failure = error
        isStopping = true
        for session in sessions.values { session.exchange.end() }
        for session in heldSessions { session.exchange.end() }
        endIfDone()
    }

    /// Remembers a session that has replies to wait with.
    func hold(_ session: Session) {
        guard !session.isHeld else { return }
        session.isHeld = true
        heldSessions.append(session)
    }

    /// Remembers a session whose commands must wait.
    func block(_ session: Session) {
        guard !session.isBlocked else { return }
        session.isBlocked = true
        blockedSessions.append(session)
    }
}
