// SPDX-License-Identifier: Apache-2.0

import JobQueue
import TestSupport
import Testing

struct SortedListTests {
    final class Item {
        let key: Int

        init(_ key: Int) {
            self.key = key
        }
    }

    enum ByKey: SortOrder {
        static func key(of item: Item) -> Int { item.key }
    }

    /// Adds and removes at random places, and compares with a sorted array after each step.
    @Test(arguments: [3, 300, 3000]) func isAlwaysSorted(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        var list = SortedList<ByKey>()
        var items: [Item] = []
        for step in 0..<size * 8 {
            // It grows, then shrinks until it is empty.
            let grows = step < size * 4 ? !random.isOneOf(3) : random.isOneOf(3)
            if grows || items.isEmpty {
                let item = Item(Int.random(in: 0..<1 << 40, using: &random))
                guard !items.contains(where: { $0.key == item.key }) else { continue }
                items.insert(item, at: items.firstIndex { $0.key > item.key } ?? items.count)
                list.insert(item)
            } else {
                list.remove(items.remove(at: Int.random(in: items.indices, using: &random)))
            }
            #expect(list.first === items.first)
            #expect(list.count == items.count)
            if step % max(1, size / 20) == 0 { #expect(keys(list) == items.map(\.key)) }
        }
        for item in items { list.remove(item) }
        #expect(list.isEmpty && list.first == nil && keys(list).isEmpty)
    }

    @Test func isAQueue() {
        var list = SortedList<ByKey>()
        let items = (0..<5000).map { Item($0) }
        for (index, item) in items.enumerated() {
            list.insert(item)
            if index >= 1000 {
                #expect(list.first === items[index - 1000])
                list.remove(items[index - 1000])
            }
        }
        #expect(keys(list) == Array(4000..<5000))
    }

    @Test func elementThatIsNotThereIsNotRemoved() {
        var list = SortedList<ByKey>()
        for key in [1, 2, 3] { list.insert(Item(key)) }
        list.remove(Item(2))
        list.remove(Item(9))
        #expect(keys(list) == [1, 2, 3])
    }

    /// What is in the list from the first page to the last is read exactly once, whatever comes and goes meanwhile.
    @Test(arguments: [1, 7, 100]) func pagesHaveEverythingThatStays(limit: Int) {
        var random = SeededGenerator(seed: UInt64(limit))
        var list = SortedList<ByKey>()
        let staying = (0..<2000).map { Item($0 * 10) }
        for item in staying.shuffled(using: &random) { list.insert(item) }
        var passing: [Item] = []
        var read: [Int] = []
        var last: Int?
        while case let page = list.elements(after: last, limit: limit), let end = page.last {
            #expect(page.count <= limit)
            read += page.map(\.key).filter { $0 % 10 == 0 }
            last = end.key
            for _ in 0..<10 {
                let item = Item(Int.random(in: 0..<2000, using: &random) * 10 + 1 + passing.count % 9)
                guard !passing.contains(where: { $0.key == item.key }) else { continue }
                passing.append(item)
                list.insert(item)
            }
            while passing.count > 200 {
                list.remove(passing.remove(at: Int.random(in: passing.indices, using: &random)))
            }
        }
        #expect(read == staying.map(\.key))
    }

    @Test func pageOfNoneIsEmpty() {
        var list = SortedList<ByKey>()
        list.insert(Item(1))
        #expect(list.elements(after: nil, limit: 0).isEmpty)
        #expect(list.elements(after: 1, limit: 5).isEmpty)
        #expect(list.elements(after: 0, limit: .max).map(\.key) == [1])
    }

    private func keys(_ list: SortedList<ByKey>) -> [Int] { list.elements(after: nil, limit: .max).map(\.key) }
}
