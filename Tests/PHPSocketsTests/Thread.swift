// SPDX-License-Identifier: Apache-2.0

import Foundation

/// This thread, as a number.
var thread: UInt { UInt(pthread_self()) }

/// Runs `body` on a thread of its own, and `client` here as soon as `body` has said where it listens.
func withServer(_ body: @escaping @Sendable (_ listening: (Int) -> Void) throws -> Void, _ client: (Int) throws -> Void)
    throws
{
    final class Outcome: @unchecked Sendable {
        // `@unchecked`: written by the server's thread before it signals, read after.
        var port = 0
        var error: (any Error)?
    }
    let outcome = Outcome()
    let (isListening, hasEnded) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    Thread.detachNewThread {
        do {
            try body { port in
                outcome.port = port
                isListening.signal()
            }
        } catch {
            outcome.error = error
        }
        isListening.signal()
        hasEnded.signal()
    }
    isListening.wait()
    if outcome.port != 0 { try client(outcome.port) }
    hasEnded.wait()
    if let error = outcome.error { throw error }
}
