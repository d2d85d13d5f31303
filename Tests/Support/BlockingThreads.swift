// SPDX-License-Identifier: Apache-2.0

// For its threads and its conditions; Glibc's would be unsafe, and more to write.
internal import Foundation
public import Testing

/// For suites whose tests block their thread, as by waiting for another process.
///
/// All other tests share as many threads as there are processors, and would stand still for as long.
public struct BlockingTrait: SuiteTrait, TestTrait, TestScoping {
    /// It is for each test of the suite.
    public var isRecursive: Bool { true }

    /// Runs a test on a thread that may be blocked.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingThreads.shared) { try await function() }
    }
}

extension Trait where Self == BlockingTrait {
    /// The suite's tests block their threads.
    public static var blocking: Self { Self() }
}

/// Threads for what blocks them.
private final class BlockingThreads: TaskExecutor, @unchecked Sendable {
    // `@unchecked`: `jobs`, all that changes, is used only while `condition` is locked. A `Mutex` has no condition to
    // wait for.

    static let shared = BlockingThreads(count: 8)

    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    private init(count: Int) {
        for _ in 0..<count { Thread.detachNewThread { self.run() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock { jobs.append(job) }
        condition.signal()
    }

    private func run() {
        // SAFETY: these threads and their queue live for as long as the process.
        while true { unsafe next().runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob {
        condition.withLock {
            while jobs.isEmpty { condition.wait() }
            return jobs.removeFirst()
        }
    }
}
