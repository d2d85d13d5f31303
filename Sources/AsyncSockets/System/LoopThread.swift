// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

/// What an event loop needs of threads and clocks.
enum LoopThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Starts a thread that calls `body` and then ends. It keeps all signals from itself: they are the main program's.
    static func start(_ body: @escaping @Sendable () -> Void) -> Result<Void, Errno> {
        var attributes = pthread_attr_t()
        var signals = sigset_t()
        var oldSignals = sigset_t()
        var thread = pthread_t()
        let box = unsafe Unmanaged.passRetained(Work(body))
        // SAFETY: each structure is initialised by the first call it is passed to; the work is retained here once and
        // released once, by the thread or, if there is none, below.
        unsafe sigfillset(&signals)
        unsafe pthread_sigmask(SIG_SETMASK, &signals, &oldSignals)
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let error = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                }
                return nil
            }, box.toOpaque())
        unsafe pthread_attr_destroy(&attributes)
        unsafe pthread_sigmask(SIG_SETMASK, &oldSignals, nil)
        if error != 0 {
            unsafe box.release()
            return .failure(Errno(rawValue: error))
        }
        return .success(())
    }

    /// Whether this thread is the one that `loop` runs on.
    @inline(__always)
    static func isCurrent(_ loop: EventLoop) -> Bool {
        // SAFETY: the pointers are compared and never followed.
        unsafe csockets_thread_value() == Unmanaged.passUnretained(loop).toOpaque()
    }

    /// The loop that runs on this thread.
    static var current: EventLoop? {
        // SAFETY: the value is set only while its loop runs, and a thread that runs a loop keeps it alive.
        unsafe csockets_thread_value().map { unsafe Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Makes this thread the one that `loop` runs on while `body` runs.
    static func withCurrent(_ loop: EventLoop, _ body: () -> Void) {
        // SAFETY: the value is taken back before the loop can be gone.
        let outer = unsafe csockets_thread_value()
        unsafe csockets_set_thread_value(Unmanaged.passUnretained(loop).toOpaque())
        body()
        unsafe csockets_set_thread_value(outer)
    }

    /// The monotonic clock, in nanoseconds.
    static func now() -> Int64 {
        var time = timespec()
        // SAFETY: clock_gettime writes the one structure.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// The number of processors that this process may use.
    static var processorCount: Int { Int(csockets_processor_count()) }
}
