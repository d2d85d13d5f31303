// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets one refused connection a second be logged: a web page can make them as fast as it likes.
final class RefusalLimit: Sendable {
    private let state = Mutex((last: ContinuousClock.Instant?.none, unlogged: 0))

    /// Counts a refused connection.
    ///
    /// - Returns: How many were not logged since the last one that was; `nil` if this one is not to be logged either.
    func next() -> Int? {
        let now = ContinuousClock.now
        return state.withLock { state in
            if let last = state.last, now - last < .seconds(1) {
                state.unlogged += 1
                return nil
            }
            defer { state = (now, 0) }
            return state.unlogged
        }
    }
}
