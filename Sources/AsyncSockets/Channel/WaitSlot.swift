// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Where one task at a time waits for something to happen, in one atomic word.
///
/// Whatever happens — an event of the kernel, a deadline, a cancellation, a close — calls ``wake()``. A wake-up is kept
/// until the next task that would wait, so none is lost, and it is a hint only: the task that is wakened looks for
/// itself what there is.
///
/// `@safe`: the word holds a continuation from ``park(_:)`` until one call of `wake` swaps it for something else, and
/// resumes it.
@safe
struct WaitSlot: ~Copyable, Sendable {
    /// `idle`, `ready`, or the bits of the continuation of the task that waits.
    private let word: Atomic<UInt>

    private static var idle: UInt { 0 }
    private static var ready: UInt { 1 }

    /// A slot at which nobody waits.
    ///
    /// - Parameter isReady: Whether there is a wake-up for the first task that would wait.
    init(isReady: Bool) {
        word = Atomic(isReady ? Self.ready : Self.idle)
    }

    /// Takes a wake-up that is there, so that what happens from now on is a new one.
    ///
    /// Only the task that may wait here calls this.
    func takeReady() -> Bool {
        guard word.load(ordering: .sequentiallyConsistent) == Self.ready else { return false }
        word.store(Self.idle, ordering: .sequentiallyConsistent)
        return true
    }

    /// Makes the task wait until something happens; not at all if something has happened already.
    ///
    /// Only one task at a time may be here: see ``Use``.
    func park(_ continuation: UnsafeContinuation<Void, Never>) {
        let bits = unsafe unsafeBitCast(continuation, to: UInt.self)
        let (parked, _) = word.compareExchange(
            expected: Self.idle, desired: bits, ordering: .sequentiallyConsistent)
        if !parked {
            word.store(Self.idle, ordering: .sequentiallyConsistent)
            unsafe continuation.resume()
        }
    }

    /// Wakes the task that waits, or the next one that would. Any thread may call it.
    func wake() {
        var old = word.load(ordering: .sequentiallyConsistent)
        while old != Self.ready {
            let new = old == Self.idle ? Self.ready : Self.idle
            let (swapped, current) = word.weakCompareExchange(
                expected: old, desired: new, ordering: .sequentiallyConsistent)
            if swapped {
                if old != Self.idle {
                    // SAFETY: these are the bits of a continuation, and only this swap took them out.
                    unsafe unsafeBitCast(old, to: UnsafeContinuation<Void, Never>.self).resume()
                }
                return
            }
            old = current
        }
    }

    /// Whether a task waits here.
    var hasWaiter: Bool { word.load(ordering: .sequentiallyConsistent) > Self.ready }
}
