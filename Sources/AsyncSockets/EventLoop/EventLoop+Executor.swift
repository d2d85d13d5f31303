// SPDX-License-Identifier: Apache-2.0

extension EventLoop: TaskExecutor, SerialExecutor {
    /// Makes the loop run a job. Any thread may call it.
    public func enqueue(_ job: consuming ExecutorJob) {
        add(UnownedJob(job))
    }

    /// This loop as a task executor.
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        // SAFETY: whoever holds a task's executor preference keeps the executor alive.
        unsafe UnownedTaskExecutor(ordinary: self)
    }

    /// This loop as an actor's executor.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        // SAFETY: an actor keeps the executor that it returns alive.
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    /// Stops the program unless it is on this loop's thread.
    public func checkIsolated() {
        precondition(isCurrent, "not on the event loop's thread")
    }

    /// Whether this is the loop's thread.
    public func isIsolatingCurrentContext() -> Bool? {
        isCurrent
    }

    /// Whether the code that asks runs on this loop's thread.
    public var isCurrent: Bool { LoopThread.isCurrent(self) }
}
