// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import TalkbackClient

/// Calls of a client that are under way at the same time. Their results are taken in the order in which they were
/// started.
struct Pipeline<Value: Sendable> {
    private var calls: [Task<Value, any Error>?] = []
    private var first = 0

    /// How many have been started and not taken.
    var count: Int { calls.count - first }

    /// Starts a call. Its command goes out before those of calls that are started later.
    mutating func start(
        on client: isolated Client, _ call: @escaping @Sendable (isolated Client) async throws -> Value
    ) {
        calls.append(Task(executorPreference: EventLoop.current) { try await call(client) })
    }

    /// The result of the call that was started first; `nil` if all are taken.
    mutating func next(on client: isolated Client) async throws -> Value? {
        guard first < calls.count, let call = calls[first] else { return nil }
        calls[first] = nil
        first += 1
        if first == calls.count || first > 1024 {
            calls.removeFirst(first)
            first = 0
        }
        return try await call.value
    }
}

/// How many calls may be under way at a time: enough that the server never waits, and few enough that what they carry
/// has room.
struct Window {
    private static let calls = 1024
    private static let bytes = 16 << 20

    private var largest = 0

    /// Takes note of a body.
    mutating func note(_ byteCount: Int) {
        largest = max(largest, byteCount)
    }

    /// Small until a body was seen.
    var size: Int { largest == 0 ? 16 : max(1, min(Self.calls, Self.bytes / largest)) }
}
