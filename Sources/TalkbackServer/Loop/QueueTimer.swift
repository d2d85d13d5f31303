// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import JobQueue

/// One timer of the loop for everything that is due in the queue. One that is too early does no harm: whoever it calls
/// looks, and sets it again.
struct QueueTimer {
    private let loop: EventLoop
    private let action: @Sendable () -> Void
    private var next: (time: QueueTime, timer: ScheduledTimer)?

    /// - Parameter action: Called on the loop when something is due.
    init(on loop: EventLoop, _ action: @escaping @Sendable () -> Void) {
        self.loop = loop
        self.action = action
    }

    /// Sees to it that the timer fires at a time, or earlier.
    mutating func set(to time: QueueTime?) {
        guard let time else { return }
        if let next, next.time <= time { return }
        next?.timer.cancel()
        next = (time, loop.schedule(at: time.nanoseconds, action))
    }

    mutating func hasFired() {
        next = nil
    }
}
