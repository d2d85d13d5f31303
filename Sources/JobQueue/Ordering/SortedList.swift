// SPDX-License-Identifier: Apache-2.0

/// How a ``SortedList`` orders its elements.
package protocol SortOrder {
    associatedtype Element: AnyObject
    /// What the elements are ordered by, no two of them alike.
    associatedtype Key: Comparable

    /// The key of an element, which must not change while the element is in a list.
    static func key(of element: Element) -> Key
}

/// A sorted list of references, which can be read on from any place.
///
/// The elements are in chunks of at most 256, and the first key of each chunk stands beside it: a search compares about
/// a dozen keys that lie together, then eight elements. Adding at the end and taking from the front, as queues do
/// nearly always, compare one. A full list takes eight bytes an element and a little for each chunk; a binary heap,
/// which cannot be read in order, takes as much.
package struct SortedList<Order: SortOrder> {
    package typealias Element = Order.Element
    package typealias Key = Order.Key

    private struct Chunk {
        var firstKey: Key
        var elements: [Element]
    }

    /// The first chunk, which is all that most lists have.
    private var head: [Element] = []
    /// The chunks behind it, none of them empty.
    private var rest: [Chunk] = []
    package private(set) var count = 0

    private static var chunkLimit: Int { 256 }

    package init() {}

    package var isEmpty: Bool { count == 0 }
    package var first: Element? { head.first }

    // MARK: Changing

    /// Adds an element that is not in the list.
    package mutating func insert(_ element: Element) {
        let key = Order.key(of: element)
        count += 1
        guard let index = chunk(for: key) else {
            let place = Self.add(element, key, to: &head)
            if head.count > Self.chunkLimit { splitHead(at: place) }
            return
        }
        let place = Self.add(element, key, to: &rest[index].elements)
        if rest[index].elements.count > Self.chunkLimit { split(index, at: place) }
    }

    /// Removes an element that is in the list.
    package mutating func remove(_ element: Element) {
        if let first = head.first, first === element {
            head.removeFirst()
        } else if let index = chunk(for: Order.key(of: element)) {
            guard Self.remove(element, from: &rest[index].elements) else { return }
            closeGap(index)
        } else {
            guard Self.remove(element, from: &head) else { return }
        }
        count -= 1
        if head.isEmpty { refillHead() }
    }

    /// The last chunk that begins at or before a key; `nil` for the head.
    private func chunk(for key: Key) -> Int? {
        guard let first = rest.first, first.firstKey <= key else { return nil }
        var low = 0
        var high = rest.count
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if rest[middle].firstKey <= key { low = middle } else { high = middle }
        }
        return low
    }

    /// The place of the first element that is not before a key.
    private static func place(of key: Key, in elements: [Element]) -> Int {
        var low = 0
        var high = elements.count
        while low < high {
            let middle = low + (high - low) / 2
            if Order.key(of: elements[middle]) < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func add(_ element: Element, _ key: Key, to elements: inout [Element]) -> Int {
        if let last = elements.last, key < Order.key(of: last) {
            let place = place(of: key, in: elements)
            elements.insert(element, at: place)
            return place
        }
        elements.append(element)
        return elements.count - 1
    }

    private static func remove(_ element: Element, from elements: inout [Element]) -> Bool {
        let place = place(of: Order.key(of: element), in: elements)
        guard place < elements.count, elements[place] === element else { return false }
        elements.remove(at: place)
        return true
    }

    /// Where a chunk that has become too large is cut: behind all that was there if the new element is the last, as
    /// then more will come behind it, else in the middle.
    private static func cut(_ place: Int) -> Int {
        place == chunkLimit ? chunkLimit : chunkLimit / 2
    }

    private mutating func splitHead(at place: Int) {
        let upper = Array(head[Self.cut(place)...])
        head.removeLast(upper.count)
        rest.insert(Chunk(firstKey: Order.key(of: upper[0]), elements: upper), at: 0)
    }

    private mutating func split(_ index: Int, at place: Int) {
        let upper = Array(rest[index].elements[Self.cut(place)...])
        rest[index].elements.removeLast(upper.count)
        rest.insert(Chunk(firstKey: Order.key(of: upper[0]), elements: upper), at: index + 1)
    }

    /// Keeps chunks from being nearly empty: what is left of one goes to the end of the chunk before it.
    private mutating func closeGap(_ index: Int) {
        let left = rest[index].elements.count
        guard left <= Self.chunkLimit / 4 else { return }
        let before = index > 0 ? rest[index - 1].elements.count : head.count
        guard left == 0 || left + before <= Self.chunkLimit / 2 else { return }
        let elements = rest.remove(at: index).elements
        if index > 0 { rest[index - 1].elements += elements } else { head += elements }
    }

    private mutating func refillHead() {
        if rest.isEmpty {
            // A tube that was once long must not keep the room for it.
            if head.capacity > 16 { head = [] }
        } else {
            head = rest.removeFirst().elements
        }
    }

    // MARK: Reading

    /// The elements behind a key, in order: a page of them.
    ///
    /// - Parameters:
    ///   - key: The key of the last element that was read, which need not be in the list any more; `nil` to begin.
    ///   - limit: The most elements.
    package func elements(after key: Key?, limit: Int) -> [Element] {
        var page: [Element] = []
        guard limit > 0 else { return page }
        page.reserveCapacity(min(limit, count))
        var next = 0
        if let key {
            let index = chunk(for: key)
            next = index.map { $0 + 1 } ?? 0
            let elements = index.map { rest[$0].elements } ?? head
            var place = Self.place(of: key, in: elements)
            if place < elements.count, Order.key(of: elements[place]) == key { place += 1 }
            page += elements[place...].prefix(limit)
        } else {
            page += head.prefix(limit)
        }
        while page.count < limit, next < rest.count {
            page += rest[next].elements.prefix(limit - page.count)
            next += 1
        }
        return page
    }
}
