// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What happens when a timer's time has come.
///
/// `@safe`: the continuation is resumed exactly once, by whoever takes the action out of the heap.
@safe
enum TimerAction {
    case call(@Sendable () -> Void)
    /// Resumes a task: with `true` when the time has come, with `false` when it is cancelled before.
    case resume(UnsafeContinuation<Bool, Never>)
    /// Wakes whatever waits on a channel, so that it looks at its deadline.
    case wake(Channel)
    /// Looks whether a channel has been idle for too long.
    case checkIdle(Channel, timer: TimerHeap<TimerAction>.ID)
}

/// An action that an ``EventLoop`` will take later.
public struct ScheduledTimer: Sendable {
    private let loop: EventLoop
    private let id: TimerHeap<TimerAction>.ID

    init(loop: EventLoop, id: TimerHeap<TimerAction>.ID) {
        self.loop = loop
        self.id = id
    }

    /// Keeps the action from being taken. Does nothing when it was taken already. Any thread may call it.
    public func cancel() {
        loop.cancelTimer(id)
    }
}

extension EventLoop {
    /// Makes the loop call `action` on its thread, after a time.
    ///
    /// - Parameters:
    ///   - delay: How long from now, on the monotonic clock; less than zero is now, and more than a century a century.
    ///   - action: What to call. It must not block.
    /// - Returns: The timer, with which the action can be cancelled.
    @discardableResult
    public func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) -> ScheduledTimer {
        ScheduledTimer(loop: self, id: addTimer(at: time(after: delay), .call(action)))
    }

    /// As ``schedule(after:_:)``, at a time of ``now``'s clock.
    package func schedule(at time: Int64, _ action: @escaping @Sendable () -> Void) -> ScheduledTimer {
        ScheduledTimer(loop: self, id: addTimer(at: time, .call(action)))
    }

    /// Suspends the task for a time.
    ///
    /// - Parameter duration: How long, on the monotonic clock; less than zero is not at all.
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(for duration: Duration) async throws(CancellationError) {
        let time = time(after: duration)
        let id = timers.withLock { $0.makeID() }
        let hasCome = await withTaskCancellationHandler {
            // SAFETY: whoever takes the timer out of the heap resumes the task, and only one can.
            await unsafe withUnsafeContinuation { continuation in
                changeTimers { unsafe $0.add(id, at: time, .resume(continuation)) }
                // Cancelled before the timer was there for the handler to find: the task is marked before the handler
                // runs, so either the handler finds the timer or this finds the mark.
                if Task.isCancelled { cancelTimer(id) }
                timerWasAdded()
            }
        } onCancel: {
            cancelTimer(id)
        }
        if !hasCome { throw CancellationError() }
    }

    func cancelTimer(_ id: TimerHeap<TimerAction>.ID) {
        // Never resumed under the lock: the task might take it.
        if case .resume(let continuation) = changeTimers({ $0.remove(id) }) {
            unsafe continuation.resume(returning: false)
        }
        // A stopping loop may have waited for just this timer.
        if !isCurrent { wakeIfWaiting() }
    }

    func addTimer(at time: Int64, _ action: TimerAction) -> TimerHeap<TimerAction>.ID {
        addTimer(at: time) { _ in action }
    }

    /// Adds a timer whose action knows it.
    func addTimer(
        at time: Int64, _ action: (TimerHeap<TimerAction>.ID) -> TimerAction
    ) -> TimerHeap<TimerAction>.ID {
        let id = changeTimers { timers in
            let id = timers.makeID()
            timers.add(id, at: time, action(id))
            return id
        }
        timerWasAdded()
        return id
    }

    /// Changes the timers, and sees to it that the loop knows which is the first.
    private func changeTimers<Result>(_ change: (inout TimerHeap<TimerAction>) -> Result) -> Result {
        timers.withLock { timers in
            defer { firstTimer.store(timers.firstTime ?? .max, ordering: .sequentiallyConsistent) }
            return change(&timers)
        }
    }

    /// Takes the actions of the timers whose time has come.
    func fireTimers() {
        let first = firstTimer.load(ordering: .sequentiallyConsistent)
        guard first != .max else { return }
        let now = now
        guard first <= now else { return }
        while let action = changeTimers({ $0.removeFirst(until: now) }) {
            switch action {
            case .call(let action): action()
            case .resume(let continuation): unsafe continuation.resume(returning: true)
            case .wake(let channel): channel.wake()
            case .checkIdle(let channel, let timer): channel.idleTimerFired(timer, at: now)
            }
        }
    }

    private func timerWasAdded() {
        if !isCurrent { ensureRunning() }
    }

    private func time(after delay: Duration) -> Int64 {
        // Not the turn's time, which may be long past: no timer is early.
        LoopThread.now() + delay.nanoseconds
    }
}

extension Duration {
    /// In nanoseconds, rounded up; less than zero is zero, and more than a century a century.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = min(max(self, .zero), .seconds(100 * 365 * 86400)).components
        return seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }
}
