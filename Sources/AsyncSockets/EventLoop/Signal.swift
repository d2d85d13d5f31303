// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Something that one task tells another: a flag that the other can wait for.
///
/// A signal that was given stays until a task takes it, and giving it twice is giving it once. One task at a time may
/// wait for it, in ``Connection/wait(for:or:timeout:)`` or ``EventLoop/wait(for:timeout:)``.
public final class Signal: Sendable {
    private let isGiven = Atomic(false)
    /// Where the task that waits is to be wakened.
    private let channel = Lock<Channel?>(nil)
    let slot = WaitSlot(isReady: false)

    /// A signal that was not given yet.
    public init() {}

    /// Gives the signal. Any thread may call it.
    public func give() {
        isGiven.store(true, ordering: .sequentiallyConsistent)
        channel.withLock { $0 }?.reader.wake()
        slot.wake()
    }

    /// Takes the signal, if it was given.
    public func take() -> Bool {
        isGiven.exchange(false, ordering: .sequentiallyConsistent)
    }

    /// Says where the task that waits is to be wakened; to be followed by a look whether the signal was given already.
    func wakes(_ channel: Channel?) {
        self.channel.withLock { $0 = channel }
    }
}

extension EventLoop {
    /// Waits until a signal is given, and takes it.
    ///
    /// - Parameters:
    ///   - signal: What to wait for; only one task may wait for it.
    ///   - timeout: How long to wait; `nil` for ever.
    /// - Returns: Whether it was given; otherwise the time is over or the task cancelled.
    public func wait(for signal: Signal, timeout: Duration? = nil) async -> Bool {
        let deadline = timeout.map { LoopThread.now() + $0.nanoseconds } ?? .max
        let timer = deadline == .max ? nil : addTimer(at: deadline, .call { signal.slot.wake() })
        defer { if let timer { cancelTimer(timer) } }
        while !signal.take() {
            if Task.isCancelled || deadline <= LoopThread.now() { return false }
            await withTaskCancellationHandler {
                await unsafe withUnsafeContinuation { continuation in
                    unsafe signal.slot.park(continuation)
                    if Task.isCancelled { signal.slot.wake() }
                }
            } onCancel: {
                signal.slot.wake()
            }
        }
        return true
    }
}
