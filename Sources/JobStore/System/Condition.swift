// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A mutex with a condition variable whose deadlines are of the monotonic clock.
///
/// Foundation's `NSCondition` waits by the wall clock: set back by an hour, a wait of a second takes an hour and a
/// second.
///
/// `@safe`: the two objects are there, initialised, for as long as this is.
@safe
final class Condition: @unchecked Sendable {
    // `@unchecked`: the two objects are made for several threads, and nothing else is in here.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        // SAFETY: both objects have addresses of their own until the end, and are initialised before anybody has them.
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        // SAFETY: nobody waits, as whoever waits has a reference.
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    // SAFETY of the rest: the objects are initialised, and there for as long as this is.

    func lock() { unsafe pthread_mutex_lock(mutex) }

    func unlock() { unsafe pthread_mutex_unlock(mutex) }

    func withLock<Result>(_ body: () -> Result) -> Result {
        lock()
        defer { unlock() }
        return body()
    }

    /// Wakes one thread that waits.
    func signal() { unsafe pthread_cond_signal(condition) }

    /// Wakes all threads that wait.
    func broadcast() { unsafe pthread_cond_broadcast(condition) }

    /// Waits for a signal, with the lock, which is released meanwhile. It can return without a signal.
    func wait() { unsafe pthread_cond_wait(condition, mutex) }

    /// Waits for a signal, but not beyond a time of the monotonic clock, in nanoseconds.
    ///
    /// - Returns: `false` when the time has come.
    func wait(until end: Int64) -> Bool {
        var time = timespec(tv_sec: Int(max(end, 0) / 1_000_000_000), tv_nsec: Int(max(end, 0) % 1_000_000_000))
        return unsafe pthread_cond_timedwait(condition, mutex, &time) == 0
    }
}
