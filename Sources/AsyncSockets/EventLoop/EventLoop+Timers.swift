// SPDX-License-Identifier: Apache-2.0

/// What happens when a timer's time has come.
///
/// `@safe`: the continuation is resumed exactly once, by whoever takes the action out of the heap.
@safe
enum TimerAction {
    case call(@Sendable () -> Void)
    /// Resumes a task: with `true` when the time has come, with `false` when it is cancelled before.
    case resume(UnsafeContinuation<Bool, Never>)
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
        let id = timers.withLock { timers in
            let id = timers.makeID()
            timers.add(id, at: Self.time(after: delay), .call(action))
            return id
        }
        timerWasAdded()
        return ScheduledTimer(loop: self, id: id)
    }

    /// Suspends the task for a time.
    ///
    /// - Parameter duration: How long, on the monotonic clock; less than zero is not at all.
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(for duration: Duration) async throws(CancellationError) {
        let time = Self.time(after: duration)
        let id = timers.withLock { $0.makeID() }
        let hasCome = await withTaskCancellationHandler {
            // SAFETY: whoever takes the timer out of the heap resumes the task, and only one can.
            await unsafe withUnsafeContinuation { continuation in
                timers.withLock { unsafe $0.add(id, at: time, .resume(continuation)) }
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
        if case .resume(let continuation) = timers.withLock({ $0.remove(id) }) {
            unsafe continuation.resume(returning: false)
        }
        // A stopping loop may have waited for just this timer.
        wakeIfWaiting()
    }

    /// Takes the actions of the timers whose time has come.
    func fireTimers() {
        guard let first = timers.withLock({ $0.firstTime }) else { return }
        let now = LoopThread.now()
        guard first <= now else { return }
        while let action = timers.withLock({ $0.removeFirst(until: now) }) {
            switch action {
            case .call(let action): action()
            case .resume(let continuation): unsafe continuation.resume(returning: true)
            }
        }
    }

    private func timerWasAdded() {
        if !isCurrent { ensureRunning() }
    }

    private static func time(after delay: Duration) -> Int64 {
        let delay = min(max(delay, .zero), .seconds(100 * 365 * 86400))
        let (seconds, attoseconds) = delay.components
        // Rounded up, so that no timer is early.
        return LoopThread.now() + seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }
}
