// SPDX-License-Identifier: Apache-2.0

internal import Sockets
internal import Synchronization
internal import SystemPackage

/// For how long one call will wait, and whether it has waited before. Kept small: it is in the frame of each task that
/// waits.
struct Patience {
    enum Call {
        case accept, bind, connect, receive, send, wait
    }

    private let call: Call
    /// On the monotonic clock, in nanoseconds.
    let deadline: Int64
    var hasWaited = false
    /// Whether the call has been tried, after which its deadline counts: what can be done at once is done, however late
    /// it is.
    var hasTried = false

    /// Whether the time is over.
    var isOver: Bool { deadline != .max && deadline <= LoopThread.now() }

    /// What an error says was tried.
    var operation: SocketError.Operation {
        switch call {
        case .accept: .accept
        case .bind: .bind
        case .connect: .connect
        case .receive: .receive
        case .send: .send
        case .wait: .wait
        }
    }

    init(_ call: Call, _ timeout: Duration?) {
        self.call = call
        deadline = timeout.map { LoopThread.now() + $0.nanoseconds } ?? .max
    }
}

extension Channel {
    /// Waits until something has happened: an event, or anything that ends the waiting.
    ///
    /// The call that waits then tries its system call again, whatever it was, and comes back here if it has to wait
    /// again; so every error but that of the system call itself is thrown from here, and before waiting.
    ///
    /// - Throws: `SocketError`: closed, cancelled, `ETIMEDOUT`, `ENOSPC` or `ENOMEM` if the loop cannot watch the
    ///   channel, or what has become of the loop if it cannot watch anything any more.
    func wait(_ claim: Use.Claim, _ patience: inout Patience) async throws(SocketError) {
        try checkEnd(patience.operation)
        let isOwned = isOwnedByThisTask
        if isOwned, use.has(.ownerCancelled) { throw SocketError(patience.operation, .cancelled) }
        try register(patience.operation)
        hasWaited()
        try checkDeadlines(&patience, own: patience.deadline)
        if isOwned, patience.deadline == .max {
            await park(claim)
        } else {
            await parkOnItsOwn(claim, until: patience.deadline)
        }
    }

    /// Parks a task whose cancellation nothing else tells the channel of, or a call with a deadline of its own.
    private func parkOnItsOwn(_ claim: Use.Claim, until deadline: Int64) async {
        let timer = deadline == .max ? nil : loop.addTimer(at: deadline, .wake(self))
        await withTaskCancellationHandler {
            await park(claim)
        } onCancel: {
            wake(claim)
        }
        if let timer { loop.cancelTimer(timer) }
    }

    @inline(__always)
    private func park(_ claim: Use.Claim) async {
        await unsafe withUnsafeContinuation { continuation in
            if claim == .receiving { unsafe reader.park(continuation) } else { unsafe writer.park(continuation) }
            // Cancelled before there was anything to wake: the task is marked before the handler runs, so either
            // the handler finds the task waiting or this finds the mark.
            if Task.isCancelled { wake(claim) }
            if idleLimit.load(ordering: .relaxed) != 0 { startIdleTimer() }
        }
    }

    /// Waits for a while, for something that makes no event, as a call that claims to send; shorter if the waiting
    /// ends.
    func pause(_ duration: Duration, _ patience: inout Patience) async throws(SocketError) {
        let timer = loop.addTimer(at: LoopThread.now() + duration.nanoseconds, .wake(self))
        defer { loop.cancelTimer(timer) }
        try await wait(.sending, &patience)
    }

    /// Whether a call that has not tried yet must not wait before it does: its time is over, or the connection's.
    func mustNotWait(_ patience: Patience) -> Bool {
        if patience.isOver { return true }
        let total = totalDeadline.load(ordering: .relaxed)
        return total != .max && total <= LoopThread.now()
    }

    /// Lets other tasks of the loop run. The own deadline ends only a call that has been tried.
    func yield(_ patience: inout Patience) async throws(SocketError) {
        hasWaited()
        await Task.yield()
        // A task that never has to wait would never notice these.
        try checkEnd(patience.operation)
        try checkDeadlines(&patience, own: patience.hasTried ? patience.deadline : .max)
        patience.hasTried = true
    }

    private func checkEnd(_ operation: SocketError.Operation) throws(SocketError) {
        if use.has([.closed, .loopHasFailed]) {
            if !use.has(.closed), let failure = loop.failure { throw failure }
            throw SocketError(operation, .closed)
        }
        if Task.isCancelled { throw SocketError(operation, .cancelled) }
    }

    private func wake(_ claim: Use.Claim) {
        if claim == .receiving { reader.wake() } else { writer.wake() }
    }

    private func register(_ operation: SocketError.Operation) throws(SocketError) {
        guard !use.has(.registered), use.set(.registered).isNew else { return }
        if let errno = loop.register(self) {
            use.clear(.registered)
            // The other direction may wait for events that will not come.
            wake()
            throw loop.failure ?? SocketError(operation, .system(errno))
        }
    }
}

// MARK: Deadlines

extension Channel {
    /// Says that a byte was moved.
    func touch() {
        if idleLimit.load(ordering: .relaxed) != 0 { lastActivity.store(loop.now, ordering: .relaxed) }
    }

    /// Makes calls that wait give up when no byte was moved for so long; `nil` for never.
    func setIdleLimit(_ limit: Duration?) {
        lastActivity.store(LoopThread.now(), ordering: .sequentiallyConsistent)
        idleLimit.store(limit.map { max(1, $0.nanoseconds) } ?? 0, ordering: .sequentiallyConsistent)
        cancelTimer(idleTimer)
        if limit != nil, reader.hasWaiter || writer.hasWaiter { startIdleTimer() }
    }

    /// Makes calls that wait, now or later, give up once so much time has passed; `nil` for never.
    func setTotalLimit(_ limit: Duration?) {
        // A closed channel has no use for a timer, and nobody to cancel it.
        guard case .entered = use.enter([]) else { return }
        defer { leave([]) }
        let time = limit.map { LoopThread.now() + $0.nanoseconds } ?? .max
        totalDeadline.store(time, ordering: .sequentiallyConsistent)
        let timer = limit == nil ? 0 : loop.addTimer(at: time, .wake(self)).number
        let old = totalTimer.exchange(timer, ordering: .sequentiallyConsistent)
        if old != 0 { loop.cancelTimer(TimerHeap.ID(number: old)) }
    }

    private func checkDeadlines(_ patience: inout Patience, own deadline: Int64) throws(SocketError) {
        let idle = idleLimit.load(ordering: .relaxed)
        let end = min(totalDeadline.load(ordering: .relaxed), deadline)
        if idle != 0 {
            if !patience.hasWaited {
                // Only waiting counts: what the program did between two calls was not the peer's idleness.
                lastActivity.store(loop.now, ordering: .sequentiallyConsistent)
            } else if lastActivity.load(ordering: .sequentiallyConsistent) + idle <= LoopThread.now() {
                throw SocketError(patience.operation, .system(.timedOut))
            }
        }
        if end != .max, end <= LoopThread.now() {
            throw SocketError(patience.operation, .system(.timedOut))
        }
        patience.hasWaited = true
    }

    private func startIdleTimer() {
        // One timer a channel: it looks at the last activity only when it fires, and then starts itself again.
        let (isMine, _) = idleTimer.compareExchange(expected: 0, desired: 1, ordering: .sequentiallyConsistent)
        if isMine { continueIdleTimer() }
    }

    private func continueIdleTimer() {
        let time = lastActivity.load(ordering: .sequentiallyConsistent) + idleLimit.load(ordering: .relaxed)
        let id = loop.addTimer(at: time) { id in .checkIdle(self, timer: id) }
        let (isKept, _) = idleTimer.compareExchange(
            expected: 1, desired: id.number, ordering: .sequentiallyConsistent)
        // Ended meanwhile: then this timer has no use.
        if !isKept { loop.cancelTimer(id) }
    }

    /// Called by the loop when the idle timer fires.
    func idleTimerFired(_ timer: TimerHeap<TimerAction>.ID, at now: Int64) {
        // Unless there is another one by now, or this one is not noted yet.
        let (isNoted, noted) = idleTimer.compareExchange(
            expected: timer.number, desired: 0, ordering: .sequentiallyConsistent)
        if !isNoted, noted == 1 { idleTimer.store(0, ordering: .sequentiallyConsistent) }
        let limit = idleLimit.load(ordering: .sequentiallyConsistent)
        // Whoever begins to wait after this look starts a timer of its own.
        guard limit != 0, reader.hasWaiter || writer.hasWaiter else { return }
        if lastActivity.load(ordering: .sequentiallyConsistent) + limit <= now {
            wake()
        } else {
            startIdleTimer()
        }
    }

    func cancelTimers() {
        cancelTimer(idleTimer)
        cancelTimer(totalTimer)
    }

    private func cancelTimer(_ timer: borrowing Atomic<UInt64>) {
        let number = timer.exchange(0, ordering: .sequentiallyConsistent)
        if number > 1 { loop.cancelTimer(TimerHeap.ID(number: number)) }
    }
}
