// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import Synchronization

/// A thread that a test starts, may interrupt with a signal, and waits for.
final class TestThread: Sendable {
    private let thread: pthread_t
    private let finished: Finished

    private final class Finished: Sendable {
        let flag = Atomic(false)
    }

    private final class Box: Sendable {
        let work: @Sendable () -> Void
        let finished: Finished

        init(_ work: @escaping @Sendable () -> Void, _ finished: Finished) {
            self.work = work
            self.finished = finished
        }
    }

    init(_ work: @escaping @Sendable () -> Void) {
        finished = Finished()
        let box = unsafe Unmanaged.passRetained(Box(work, finished))
        var thread = pthread_t()
        // SAFETY: the box is retained once above and released once by the thread.
        let error = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let box = unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                box.work()
                box.finished.flag.store(true, ordering: .releasing)
                return nil
            }, box.toOpaque())
        precondition(error == 0, "no thread to test with")
        self.thread = thread
    }

    var isFinished: Bool { finished.flag.load(ordering: .acquiring) }

    /// Sends the thread a signal.
    func interrupt(_ signal: Int32) {
        pthread_kill(thread, signal)
    }

    /// Waits until the thread ends. To be called once, and last.
    func join() {
        pthread_join(thread, nil)
    }
}

/// A value that one thread leaves for another.
final class Shared<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func set(_ new: Value) { value.withLock { $0 = new } }
    func get() -> Value? { value.withLock { $0 } }
}

/// A socket that several threads hold, and that is closed when the last lets it go.
final class Held: Sendable {
    let socket: Socket

    init(_ socket: consuming Socket) {
        self.socket = socket
    }
}
