// SPDX-License-Identifier: Apache-2.0

import Glibc
import SystemPackage

/// A thread that runs one closure and is then gone.
enum WorkerThread {
    /// Starts a thread.
    ///
    /// - Throws: `Errno` when the system has no thread left to give (`EAGAIN`).
    static func start(_ work: @escaping @Sendable () -> Void) throws(Errno) {
        let box = unsafe Unmanaged.passRetained(Box(work))
        var thread = pthread_t()
        // SAFETY: the box is retained here once and released once, by the thread, or below if there is no thread.
        let error = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().work()
                }
                return nil
            }, box.toOpaque())
        guard error == 0 else {
            unsafe box.release()
            throw Errno(rawValue: error)
        }
        pthread_detach(thread)
    }

    private final class Box: Sendable {
        let work: @Sendable () -> Void

        init(_ work: @escaping @Sendable () -> Void) {
            self.work = work
        }
    }
}
