// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import AsyncSockets

/// The heap against a list that is sorted anew each time. It has no public face, and its rules are worth more than
/// that.
@Suite struct TimerHeapTests {
    @Test(arguments: 0..<10 as Range<UInt64>)
    func behavesAsASortedList(seed: UInt64) {
        var state = seed
        func random(_ range: Range<Int>) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return range.lowerBound + Int((state >> 33) % UInt64(range.count))
        }
        var heap = TimerHeap<Int>()
        var model: [(time: Int64, payload: Int, id: TimerHeap<Int>.ID)] = []
        for step in 0..<2000 {
            switch random(0..<4) {
            case 0, 1:
                let id = heap.makeID()
                let time = Int64(random(0..<50))
                heap.add(id, at: time, step)
                model.insert((time, step, id), at: model.firstIndex { $0.time > time } ?? model.count)
            case 2 where !model.isEmpty:
                let removed = model.remove(at: random(0..<model.count))
                #expect(heap.remove(removed.id) == removed.payload)
                #expect(heap.remove(removed.id) == nil)
            default:
                let time = Int64(random(0..<50))
                let due = model.first.map { $0.time <= time } ?? false
                #expect(heap.removeFirst(until: time) == (due ? model.removeFirst().payload : nil))
            }
            #expect(heap.firstTime == model.first?.time)
            #expect(heap.isEmpty == model.isEmpty)
        }
    }
}
