// SPDX-License-Identifier: Apache-2.0

/// Something that has a timer: a delayed or reserved job, a paused tube, a waiting client, an outcome.
protocol Timed: AnyObject {
    /// When the timer fires, or fired last.
    var time: QueueTime { get set }
    /// The timer's place in its heap; -1 without one.
    var timerIndex: Int32 { get set }
}

/// A binary heap of timers, the earliest first. Each element knows its place, so that any timer can be changed or
/// removed.
///
/// The times stand in the heap itself: an element that a search passes need not be fetched from memory.
struct TimerHeap<Element: Timed> {
    private struct Entry {
        let time: QueueTime
        let element: Element
    }

    private var entries: [Entry] = []

    /// When the earliest timer fires; `.never` without one.
    var nextTime: QueueTime { entries.first?.time ?? .never }

    /// Sets an element's timer, or changes it.
    mutating func set(_ element: Element, to time: QueueTime) {
        element.time = time
        let entry = Entry(time: time, element: element)
        var place = Int(element.timerIndex)
        if place < 0 {
            place = entries.count
            entries.append(entry)
        } else {
            entries[place] = entry
        }
        settle(entry, at: place)
    }

    /// Removes an element's timer, if it has one.
    mutating func remove(_ element: Element) {
        let place = Int(element.timerIndex)
        guard place >= 0 else { return }
        element.timerIndex = -1
        let last = entries.removeLast()
        if last.element !== element { settle(last, at: place) }
    }

    /// Removes the earliest timer if it is due.
    mutating func removeFirst(through now: QueueTime) -> Element? {
        guard let first = entries.first, first.time <= now else { return nil }
        remove(first.element)
        return first.element
    }

    /// Moves an entry from a place up or down to where it belongs.
    private mutating func settle(_ entry: Entry, at start: Int) {
        var place = start
        while place > 0, case let parent = entries[(place - 1) / 2], entry.time < parent.time {
            put(parent, at: place)
            place = (place - 1) / 2
        }
        if place == start {
            while 2 * place + 1 < entries.count {
                var child = 2 * place + 1
                if child + 1 < entries.count, entries[child + 1].time < entries[child].time { child += 1 }
                guard entries[child].time < entry.time else { break }
                put(entries[child], at: place)
                place = child
            }
        }
        put(entry, at: place)
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        entries[place] = entry
        entry.element.timerIndex = Int32(truncatingIfNeeded: place)
    }
}

/// All timers of a queue, by kind.
struct Timers {
    /// Ends of delays and of times to run.
    var jobs = TimerHeap<Job>()
    /// Ends of pauses.
    var tubes = TimerHeap<Tube>()
    /// Ends of waits, and deadlines of jobs that waiting clients hold.
    var clients = TimerHeap<Client>()
    /// Ends of what outcomes are kept for.
    var outcomes = TimerHeap<Outcome>()

    /// When the earliest timer fires; `.never` without one.
    var nextTime: QueueTime {
        min(min(jobs.nextTime, tubes.nextTime), min(clients.nextTime, outcomes.nextTime))
    }
}
