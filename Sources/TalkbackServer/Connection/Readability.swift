// SPDX-License-Identifier: Apache-2.0

internal import Sockets

/// Whether a receive may find something that no event will tell of.
///
/// Events are edges: each says once that something has arrived. After a receive that got less than it could there is
/// nothing left, and another one would be a system call for nothing; but urgent data splits what has arrived, and the
/// end of the stream comes behind the rest.
struct Readability {
    /// Whether to receive.
    private(set) var mayReceive = true
    /// Whether the peer sends no more, so that each receive may be the last.
    private(set) var isHalfClosed = false
    private var hasUrgentData = false

    mutating func note(_ events: PollEvents) {
        if events.contains(.priority) { hasUrgentData = true }
        if !events.isDisjoint(with: [.peerHalfClosed, .hangUp, .error]) { isHalfClosed = true }
        if !events.isDisjoint(with: [.readable, .priority, .peerHalfClosed, .hangUp, .error]) { mayReceive = true }
    }

    /// Notes what a receive of at most `limit` bytes got; `nil` for nothing.
    mutating func received(_ count: Int?, of limit: Int) {
        guard let count else {
            mayReceive = false
            return
        }
        if count < limit, !isHalfClosed, !hasUrgentData { mayReceive = false }
    }
}
