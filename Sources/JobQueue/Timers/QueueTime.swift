// SPDX-License-Identifier: Apache-2.0

/// A point on the queue's clock, which is whatever its owner says it is: nothing here reads a clock.
public struct QueueTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since a point of the owner's choice.
    public var nanoseconds: Int64

    /// A time.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Whether one time is before another.
    public static func < (one: QueueTime, other: QueueTime) -> Bool { one.nanoseconds < other.nanoseconds }

    /// The time so many seconds later; the end of all time at most.
    static func + (time: QueueTime, seconds: UInt32) -> QueueTime {
        let (sum, isTooLate) = time.nanoseconds.addingReportingOverflow(Int64(seconds) * Self.second)
        return QueueTime(nanoseconds: isTooLate ? .max : sum)
    }

    /// Whole seconds from another time to this one, cut towards zero.
    func seconds(since other: QueueTime) -> Int64 { (nanoseconds &- other.nanoseconds) / Self.second }

    static let never = QueueTime(nanoseconds: .max)

    static let second: Int64 = 1_000_000_000
}
