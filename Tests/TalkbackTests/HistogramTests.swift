// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import talkback

struct HistogramTests {
    @Test func emptyOneIsZero() {
        let histogram = Histogram()
        #expect(histogram.count == 0 && histogram.maximum == 0 && histogram.percentile(500) == 0)
    }

    @Test func smallTimesAreExact() {
        var histogram = Histogram()
        for time in 1...100 { histogram.record(Int64(time)) }
        #expect(histogram.count == 100)
        #expect(histogram.percentile(500) == 50)
        #expect(histogram.percentile(900) == 90)
        #expect(histogram.percentile(990) == 99)
        #expect(histogram.percentile(999) == 100)
        #expect(histogram.percentile(0) == 1)
        #expect(histogram.maximum == 100)
    }

    /// Beside a list of all times.
    @Test(arguments: [1_000, 50_000, 3_000_000_000] as [Int64])
    func percentilesAreAtMostALittleMore(largest: Int64) {
        var histogram = Histogram()
        // A distribution with a long tail.
        var times = (0..<20_000).map { _ in Int64(Double(largest) / Double.random(in: 1...1000)) }
        for time in times { histogram.record(time) }
        times.sort()
        for perMille in [1, 100, 500, 900, 990, 999, 1000] {
            let exact = times[max(1, (times.count * perMille + 999) / 1000) - 1]
            let shown = histogram.percentile(perMille)
            #expect(shown >= exact && Double(shown) <= Double(exact) * 1.016)
        }
        #expect(histogram.percentile(1000) == histogram.maximum && histogram.maximum == times.last)
    }

    @Test func extremesHaveRoom() {
        var histogram = Histogram()
        for time in [.max, .max - 1, -5, 0] as [Int64] { histogram.record(time) }
        #expect(histogram.percentile(1000) == .max)
        #expect(histogram.percentile(250) == 0 && histogram.percentile(500) == 0)
        for shift in 0..<63 {
            var one = Histogram()
            let time = Int64(1) << shift
            one.record(time)
            #expect(one.percentile(1000) == time)
            one.record(.max)
            #expect(one.percentile(500) >= time && one.percentile(500) <= time + time >> 6)
        }
    }
}
