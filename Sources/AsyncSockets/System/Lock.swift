// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A value that one thread at a time may use: a `pthread_mutex_t` with what it protects.
///
/// In place of Synchronization's `Mutex`, whose locking happens out of ThreadSanitizer's sight: with it every access
/// under the lock is reported as a race, and the real ones are lost among them.
@safe
struct Lock<Value>: ~Copyable, @unchecked Sendable {
    // `@safe`, `@unchecked`: the value is used only between locking and unlocking. Both pointers are to memory of this
    // value's own, which stays where it is, as POSIX demands of a mutex, until the value goes.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    init(_ value: consuming sending Value) {
        // SAFETY: the memory is initialised here, used in withLock only, and freed once.
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.value.initialize(to: value)
    }

    deinit {
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Calls `body` with the value while no other thread has it. No task may be resumed in it.
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return unsafe body(&value.pointee)
    }
}
