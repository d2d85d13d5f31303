// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// What the connections of a load have in common.
class Load: @unchecked Sendable {
    // `@unchecked`: only code on the loop's thread uses what changes, but for `isStopRequested`.

    let job: LoadJob
    let connectionCount: Int
    private let isStopRequested = Atomic(false)
    private(set) var failure: CleanError?
    private(set) var clients: [LoadClient] = []
    private(set) var start: Int64 = 0
    private var end: Int64 = 0

    init(_ job: LoadJob, connections: Int) {
        self.job = job
        connectionCount = connections
    }

    /// From now on time counts.
    func begin(for duration: Duration) {
        start = Self.now()
        end = start + Int64(duration / .nanoseconds(1))
    }

    /// What has been begun comes to its end, and nothing new begins. Any thread may call it.
    func stop() {
        isStopRequested.store(true, ordering: .relaxed)
    }

    func isOver(at now: Int64) -> Bool { now >= end || isStopRequested.load(ordering: .relaxed) }

    func add(_ client: LoadClient) {
        clients.append(client)
        if failure != nil { client.end() }
    }

    /// Ends all connections: what is left in the tube is for somebody else to take out.
    func fail(_ reason: String) {
        if failure == nil { failure = CleanError(reason) }
        for client in clients { client.end() }
    }

    /// How far it has come, in a few words.
    func progress(at now: Int64) -> String { "" }

    /// The monotonic clock, in nanoseconds.
    static func now() -> Int64 {
        var time = timespec()
        // SAFETY: the structure is written during the call.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
