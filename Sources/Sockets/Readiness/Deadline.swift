// SPDX-License-Identifier: Apache-2.0

/// The end of a time-out: an instant on the clock that nobody sets.
struct Deadline {
    private let instant: ContinuousClock.Instant

    /// The instant `timeout` from now. More than a century is a century, so that no duration overflows the clock.
    init(after timeout: Duration) {
        instant = .now + min(max(timeout, .zero), .seconds(100 * 365 * 86400))
    }

    /// The time left, zero when there is none.
    var remaining: Duration {
        max(.zero, ContinuousClock.Instant.now.duration(to: instant))
    }

    /// Sleeps until the deadline, or shorter if a signal arrives.
    func wait() {
        var nothing: [PollEntry] = []
        _ = System.poll(&nothing, timeout: remaining)
    }
}
