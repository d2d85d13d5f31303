// SPDX-License-Identifier: Apache-2.0

/// What the event loop calls the server for, beside the events of its connections.
enum LoopCall {
    /// The loop has nothing else to do.
    case loopIsIdle
    /// Mutations that no reply waits for have waited long enough.
    case lateSubmission
    /// The store has come further, or has failed.
    case storeHasProgressed
    /// Something is due in the queue.
    case timer
}
