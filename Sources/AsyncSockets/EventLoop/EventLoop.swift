// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import Synchronization
internal import SystemPackage

/// One thread that runs tasks and waits for descriptors and timers, without ever hopping to another thread.
///
/// ```swift
/// let loop = try EventLoop()
/// await withTaskExecutorPreference(loop) {
///     await loop.sleep(for: .seconds(1))  // a timer of the loop, and the task stays on its thread
/// }
/// loop.stop()
/// ```
///
/// A loop is a task executor, and the serial executor of any actor that says so. A task that prefers it runs on the
/// loop's thread whenever it is not isolated to another actor, and waking it is an append to a list.
///
/// Code on a loop must not block: while it does, nothing else on the loop runs.
///
/// Its timers go by `CLOCK_MONOTONIC`, as `epoll_wait(2)` does: nobody sets that clock, and it stands still while the
/// machine is suspended.
///
/// On Linux a loop is an `epoll(7)` instance and an `eventfd(2)`.
public final class EventLoop: @unchecked Sendable {
    // `@unchecked`: `jobs`, `works`, their batches and `turnTime` belong to the thread that runs the loop, of which
    // there is at most one at any time (`Shared.isRunning` sees to that, under its lock); everything else is immutable,
    // atomic or in a Lock.

    /// `@safe`: each reference is released once, by the loop's thread.
    @safe
    private struct Shared {
        /// Jobs from other threads.
        var jobs: [UnownedJob] = []
        /// What other threads want done.
        var works: [any LoopWork & Sendable] = []
        /// Channels that other threads have taken off the poller.
        var retired: [Unmanaged<Channel>] = unsafe []
        /// Whether a thread runs the loop, or is about to.
        var isRunning = false
    }

    private let shared = Lock(Shared())
    /// Whether `Shared` may have jobs or channels, so that a busy loop need not take the lock to see that it has not.
    private let hasSharedWork = Atomic(false)
    /// Whether the loop's thread may be waiting, and so has to be wakened.
    private let isWaiting = Atomic(false)
    private let isStopping = Atomic(false)
    let poller: Poller
    let timers = Lock(TimerHeap<TimerAction>())
    /// The time of the first timer, so that looking for it takes no lock. Changed under the timers' lock.
    let firstTimer = Atomic(Int64.max)
    let watches = Lock(Watches())
    let senders = Lock(SendQueues())
    let registered = Lock(RegisteredChannels())
    /// Whether it is impossible to wait for events. Only the loop's thread uses it.
    private var hasFailed = false
    /// The time of this turn; 0 until somebody asks. Only the loop's thread uses it.
    private var turnTime: Int64 = 0

    /// Jobs in the order in which they are to run; only the loop's thread uses them.
    private var jobs: [UnownedJob] = []
    private var batch: [UnownedJob] = []
    /// What is to be done after this turn's events; as above.
    private var works: [any LoopWork] = []
    private var worksBatch: [any LoopWork] = []
    /// What is to be done once no more events are there.
    private var idleWorks: [any LoopWork] = []

    /// When a loop starts its thread.
    public enum ThreadStart: Hashable, Sendable {
        /// When the loop is created.
        case immediate
        /// When there is something to run. Until then the process has no thread more: a server can bind its listeners
        /// to the loop first, and then call what changes the calling thread alone, such as `capset(2)`.
        case onFirstWork
    }

    /// Creates a loop and starts its thread, which runs until ``stop()``.
    ///
    /// - Parameter threadStart: When the thread starts.
    /// - Throws: `SocketError` when there are no descriptors (`EMFILE`) or no thread (`EAGAIN`) for it.
    public init(threadStart: ThreadStart = .immediate) throws(SocketError) {
        poller = try Poller()
        try poller.prepare()
        guard threadStart == .immediate else { return }
        shared.withLock { $0.isRunning = true }
        if case .failure(let errno) = LoopThread.start({ self.run() }) {
            throw SocketError(.eventLoop, .system(errno))
        }
    }

    /// Lets the loop's thread end as soon as it has nothing to do: no jobs, no timers, nothing watched.
    ///
    /// Tasks on the loop go on until they end. Work that comes to a stopped loop still runs, on a new thread.
    public func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        wakeIfWaiting()
    }

    // MARK: Jobs

    func add(_ job: UnownedJob) {
        if LoopThread.isCurrent(self) {
            jobs.append(job)
            return
        }
        shared.withLock { $0.jobs.append(job) }
        hasSharedWork.store(true, ordering: .sequentiallyConsistent)
        ensureRunning()
    }

    /// Sees to it that the loop looks at what another thread has added: wakes its thread, or starts one if the loop has
    /// ended.
    func ensureRunning() {
        let needsThread = shared.withLock { shared in
            defer { shared.isRunning = true }
            return !shared.isRunning
        }
        if needsThread {
            // Without a thread for it the work is done here and now: never would be worse.
            if case .failure = LoopThread.start({ self.run() }) { run() }
        } else {
            wakeIfWaiting()
        }
    }

    /// Wakes the loop's thread if it waits, so that it looks at what another thread has changed.
    func wakeIfWaiting() {
        if isWaiting.exchange(false, ordering: .sequentiallyConsistent) {
            poller.wake()
        }
    }

    // MARK: The loop

    /// Runs the loop on this thread until it is stopped and has nothing to do.
    func run() {
        LoopThread.withCurrent(self) {
            repeat {
                takeSharedWork()
                runJobs()
                fireTimers()
                waitForEvents()
            } while !end()
        }
    }

    /// Runs the jobs that are there now; those that they add run in the next turn, after a look at the descriptors.
    private func runJobs() {
        swap(&jobs, &batch)
        // SAFETY: the loop outlives the jobs it runs, and each job of the batch is run once.
        let serial = unsafe asUnownedSerialExecutor()
        let tasks = unsafe asUnownedTaskExecutor()
        for job in batch {
            unsafe job.runSynchronously(isolatedTo: serial, taskExecutor: tasks)
        }
        batch.removeAll(keepingCapacity: true)
        guard !works.isEmpty else { return }
        swap(&works, &worksBatch)
        for work in worksBatch { work.work() }
        worksBatch.removeAll(keepingCapacity: true)
    }

    /// Has something done once, after the events of this turn and the jobs that they have made. Only for code on the
    /// loop.
    package func soon(_ work: any LoopWork) {
        works.append(work)
    }

    /// Has something done soon, on the loop's thread. Any thread may call it.
    package func request(_ work: any LoopWork & Sendable) {
        shared.withLock { $0.works.append(work) }
        hasSharedWork.store(true, ordering: .sequentiallyConsistent)
        ensureRunning()
    }

    /// Has something done once, as soon as there is nothing else to do. Only for code on the loop.
    package func whenIdle(_ work: any LoopWork) {
        idleWorks.append(work)
    }

    private func takeSharedWork() {
        guard hasSharedWork.exchange(false, ordering: .sequentiallyConsistent) else { return }
        shared.withLock { shared in
            jobs.append(contentsOf: shared.jobs)
            shared.jobs.removeAll(keepingCapacity: true)
            works.append(contentsOf: shared.works)
            shared.works.removeAll(keepingCapacity: true)
            // No event of theirs is on its way: they were taken off the poller before the wait for the next events.
            unsafe shared.retired.forEach { unsafe $0.release() }
            unsafe shared.retired.removeAll(keepingCapacity: true)
        }
    }

    private func waitForEvents() {
        var timeout: Int64 = 0
        let hasJobs = !jobs.isEmpty || !works.isEmpty
        if !hasJobs, idleWorks.isEmpty {
            // First say that a wake-up is needed from now on, then look once more: whoever adds something looks at
            // these two in the other order.
            isWaiting.store(true, ordering: .sequentiallyConsistent)
            if !hasSharedWork.load(ordering: .sequentiallyConsistent), !mayEnd {
                let first = firstTimer.load(ordering: .sequentiallyConsistent)
                timeout = first == .max ? -1 : max(0, first - LoopThread.now())
            }
        }
        // What the events are handled by is of the new turn: the old one's time is as old as the wait was long.
        turnTime = 0
        let eventCount = hasFailed ? waitForWakeUp(timeout) : wait(timeout)
        if eventCount == 0, !hasJobs { swap(&works, &idleWorks) }
        if !hasJobs { isWaiting.store(false, ordering: .sequentiallyConsistent) }
    }

    /// Waits for events and handles them.
    ///
    /// - Returns: How many there were.
    @inline(__always)
    private func wait(_ timeout: Int64) -> Int {
        let result = poller.wait(timeout: timeout) { token, events in
            if token & 1 == 0 {
                // SAFETY: the poller keeps its channels alive, and lets go of one only on this thread, between waits.
                unsafe Unmanaged<Channel>.fromOpaque(UnsafeRawPointer(bitPattern: UInt(token)).unsafelyUnwrapped)
                    ._withUnsafeGuaranteedRef { $0.handle(events) }
            } else {
                watchHasEvents(token, events)
            }
        }
        if let failure = result.failure {
            hasFailed = true
            fail(failure)
        }
        return result.eventCount
    }

    private func waitForWakeUp(_ timeout: Int64) -> Int {
        poller.waitForWakeUp(timeout: timeout)
        return 0
    }

    private var mayEnd: Bool {
        isStopping.load(ordering: .sequentiallyConsistent) && hasNothingToWaitFor
    }

    private var hasNothingToWaitFor: Bool {
        timers.withLock { $0.isEmpty } && watches.withLock { $0.isEmpty }
            && registered.withLock { $0.isEmpty }
    }

    /// Whether the loop has ended. From then on whatever is added needs a new thread.
    private func end() -> Bool {
        guard jobs.isEmpty, works.isEmpty, idleWorks.isEmpty, mayEnd else { return false }
        let hasEnded = shared.withLock { shared in
            guard shared.jobs.isEmpty, shared.works.isEmpty, unsafe shared.retired.isEmpty else { return false }
            shared.isRunning = false
            return true
        }
        // A timer or watch may have been added just before, by a thread that saw the loop still running.
        guard hasEnded, !hasNothingToWaitFor else { return hasEnded }
        return shared.withLock { shared in
            if shared.isRunning { return true }
            shared.isRunning = true
            return false
        }
    }
}

/// What an ``EventLoop`` can be asked to do soon.
package protocol LoopWork: AnyObject {
    /// Called on the loop's thread.
    func work()
}

// MARK: Channels

extension EventLoop {
    /// The monotonic clock in nanoseconds; on the loop's own thread it is read once a turn.
    package var now: Int64 {
        guard isCurrent else { return LoopThread.now() }
        if turnTime == 0 { turnTime = LoopThread.now() }
        return turnTime
    }

    /// Puts a channel's descriptors on the poller, which keeps the channel alive from now on.
    ///
    /// - Returns: Why that is impossible, if it is.
    func register(_ channel: Channel) -> Errno? {
        // SAFETY: released in deregister, once the poller no longer knows the channel.
        let reference = unsafe Unmanaged.passRetained(channel)
        let token = unsafe UInt64(UInt(bitPattern: reference.toOpaque()))
        var failure = registered.withLock { unsafe $0.add(reference) }
        channel.forEachDescriptor { descriptor in
            if failure == nil, case .failure(let errno) = poller.watchEdges(descriptor, token: token) {
                failure = errno
            }
        }
        if let failure {
            deregister(channel)
            return failure
        }
        if !isCurrent { ensureRunning() }
        return nil
    }

    /// Takes a channel off the poller.
    func deregister(_ channel: Channel) {
        channel.forEachDescriptor { poller.remove($0) }
        registered.withLock { $0.remove(channel) }
        // SAFETY: the reference that register took.
        let reference = unsafe Unmanaged.passUnretained(channel)
        if isCurrent {
            // What runs on the loop runs between its waits, when no event is on its way.
            unsafe reference.release()
        } else {
            // The loop may be looking at an event of this channel right now.
            shared.withLock { unsafe $0.retired.append(reference) }
            hasSharedWork.store(true, ordering: .sequentiallyConsistent)
            ensureRunning()
        }
    }
}
