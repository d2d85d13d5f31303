// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

/// What an event loop needs of threads and clocks.
enum LoopThread {
    /// Starts a thread that runs `loop` until there is nothing more for it to do.
    ///
    /// The thread keeps the loop alive, and all signals from itself: they are the main program's.
    static func start(_ loop: EventLoop) -> Result<Void, Errno> {
        var attributes = pthread_attr_t()
        var signals = sigset_t()
        var oldSignals = sigset_t()
        var thread = pthread_t()
        let box = unsafe Unmanaged.passRetained(loop)
        // SAFETY: each structure is initialised by the first call it is passed to; the loop is retained here once and
        // released once, by the thread or, if there is none, below.
        unsafe sigfillset(&signals)
        unsafe pthread_sigmask(SIG_SETMASK, &signals, &oldSignals)
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let error = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue().run()
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

    /// Makes this thread the one that `loop` runs on while `body` runs.
    static func withCurrent(_ loop: EventLoop, _ body: () -> Void) {
        // SAFETY: the value is only ever compared, and taken back before the loop can be gone.
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
