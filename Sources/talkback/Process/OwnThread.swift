// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Calls `body`, which may block for as long as it likes, on a thread of its own, and waits for it.
///
/// Swift's pool has as many threads as there are processors: whatever blocks one of them keeps all other tasks waiting
/// where there is a single one.
func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try body() }) }
        // What it reads may be SQLite's.
        thread.stackSize = 1 << 23
        thread.start()
    }
}
