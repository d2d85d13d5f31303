// SPDX-License-Identifier: Apache-2.0

/// Pauses that grow: each so many times the last one, up to a limit, and each a little by chance, so that many that have
/// failed together do not try again together.
public struct Backoff: Hashable, Sendable {
    /// The pause after the first failure.
    public var first: Duration
    /// The longest pause.
    public var longest: Duration
    /// How many times a pause is the one before it; at least 1.
    public var factor: Double

    /// Pauses.
    public init(first: Duration, longest: Duration, factor: Double = 2) {
        self.first = max(first, .zero)
        self.longest = max(longest, .zero)
        self.factor = max(factor, 1)
    }

    /// The pause after a failure, without what chance makes of it.
    ///
    /// - Parameter failures: How many there were in a row; the first is 1.
    public func pause(after failures: Int) -> Duration {
        var pause = first
        // The limit is reached long before the exponent is large.
        for _ in 1..<max(1, min(failures, 64)) where pause < longest { pause = pause * factor }
        return min(pause, longest)
    }

    /// The pause after a failure: between half and all of ``pause(after:)``.
    public func randomPause(after failures: Int) -> Duration {
        pause(after: failures) * Double.random(in: 0.5...1)
    }
}
