// SPDX-License-Identifier: Apache-2.0

/// Pauses that grow: each so many times the last one, up to a limit, and each a little by chance, so that many that
/// have failed together do not try again together.
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
        self.factor = factor > 1 ? factor : 1
    }

    /// The pause after a failure, without what chance makes of it.
    ///
    /// - Parameter failures: How many there were in a row; the first is 1.
    public func pause(after failures: Int) -> Duration {
        let pause = first.inSeconds * Double.pow(factor, max(1, min(failures, 10_000)) - 1)
        return pause < longest.inSeconds ? .seconds(pause) : longest
    }

    /// The pause after a failure: between half and all of ``pause(after:)``.
    public func randomPause(after failures: Int) -> Duration {
        pause(after: failures) * Double.random(in: 0.5...1)
    }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension Double {
    /// Infinite where there is no other number for it.
    fileprivate static func pow(_ base: Double, _ exponent: Int) -> Double {
        var power = 1.0
        for _ in 0..<exponent where power < .infinity && base > 1 { power *= base }
        return power
    }
}
