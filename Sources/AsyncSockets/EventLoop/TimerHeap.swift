// SPDX-License-Identifier: Apache-2.0

/// Timers in the order of their time, and for one time in the order in which they were added.
///
/// A binary heap whose entries know their places, so that adding, taking the first and removing any each cost the
/// logarithm of the number of timers.
struct TimerHeap<Payload> {
    /// What a timer is known by.
    struct ID: Hashable, Sendable {
        let number: UInt64
    }

    private struct Entry {
        var time: Int64
        var id: ID
        var payload: Payload

        func precedes(_ other: Entry) -> Bool {
            (time, id.number) < (other.time, other.id.number)
        }
    }

    private var entries: [Entry] = []
    private var places: [ID: Int] = [:]
    /// Numbers begin at 2: channels have meanings of their own for 0 and 1.
    private var nextNumber: UInt64 = 1

    var isEmpty: Bool { entries.isEmpty }

    /// The time of the first timer.
    var firstTime: Int64? { entries.first?.time }

    /// A number for a timer that is to be added.
    mutating func makeID() -> ID {
        nextNumber += 1
        return ID(number: nextNumber)
    }

    mutating func add(_ id: ID, at time: Int64, _ payload: Payload) {
        entries.append(Entry(time: time, id: id, payload: payload))
        places[id] = entries.count - 1
        moveUp(entries.count - 1)
    }

    /// Removes a timer; `nil` if it is not there, because its time has come or because it was removed before.
    mutating func remove(_ id: ID) -> Payload? {
        guard let place = places[id] else { return nil }
        return remove(at: place)
    }

    /// Removes the first timer if its time has come.
    mutating func removeFirst(until time: Int64) -> Payload? {
        guard let first = entries.first, first.time <= time else { return nil }
        return remove(at: 0)
    }

    private mutating func remove(at place: Int) -> Payload {
        swapEntries(place, entries.count - 1)
        let removed = entries.removeLast()
        places[removed.id] = nil
        if place < entries.count {
            moveUp(place)
            moveDown(place)
        }
        return removed.payload
    }

    private mutating func moveUp(_ start: Int) {
        var place = start
        while place > 0, entries[place].precedes(entries[(place - 1) / 2]) {
            swapEntries(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func moveDown(_ start: Int) {
        var place = start
        while true {
            var first = place
            for child in [2 * place + 1, 2 * place + 2] where child < entries.count {
                if entries[child].precedes(entries[first]) { first = child }
            }
            if first == place { return }
            swapEntries(place, first)
            place = first
        }
    }

    private mutating func swapEntries(_ one: Int, _ other: Int) {
        entries.swapAt(one, other)
        places[entries[one].id] = one
        places[entries[other].id] = other
    }
}
