// SPDX-License-Identifier: Apache-2.0

/// How often each time was seen, in memory that does not grow: in steps of a 64th of the time's power of two, so that
/// no percentile is off by more than 1.6 %.
struct Histogram {
    private static let steps = 64
    /// Up to the largest number there is.
    private var counts = [Int](repeating: 0, count: steps * 58)
    /// How many times there are.
    private(set) var count = 0
    /// The longest.
    private(set) var maximum: Int64 = 0

    /// - Parameter time: Less than zero is zero.
    mutating func record(_ time: Int64) {
        let time = max(0, time)
        counts[Self.index(of: time)] += 1
        count += 1
        if time > maximum { maximum = time }
    }

    /// The time that so many of a thousand do not exceed, or a little more; zero if there are none.
    func percentile(_ perMille: Int) -> Int64 {
        let rank = max(1, (count * perMille + 999) / 1000)
        var seen = 0
        for index in counts.indices {
            seen += counts[index]
            if seen >= rank { return min(Self.largestTime(at: index), maximum) }
        }
        return 0
    }

    private static func index(of time: Int64) -> Int {
        guard time >= steps else { return Int(time) }
        let shift = 57 - time.leadingZeroBitCount
        return shift * steps + Int(time >> shift)
    }

    private static func largestTime(at index: Int) -> Int64 {
        guard index >= 2 * steps else { return Int64(index) }
        let shift = index / steps - 1
        let step = Int64(index - shift * steps)
        // What would be one more may not fit.
        return step << shift | (1 << shift - 1)
    }
}
