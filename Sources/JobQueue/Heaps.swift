// SPDX-License-Identifier: Apache-2.0

/// In which order a heap gives out its jobs.
protocol JobOrder {
    static func precedes(_ one: Job, _ other: Job) -> Bool
}

/// The most urgent first, then the oldest.
enum ByPriority: JobOrder {
    static func precedes(_ one: Job, _ other: Job) -> Bool {
        (one.priority, one.id) < (other.priority, other.id)
    }
}

/// The earliest first.
enum ByTime: JobOrder {
    static func precedes(_ one: Job, _ other: Job) -> Bool {
        (one.time.nanoseconds, one.id) < (other.time.nanoseconds, other.id)
    }
}

/// A binary heap of jobs that know their places, so that any of them can be removed. A job is in one such heap at a time.
struct JobHeap<Order: JobOrder> {
    private var jobs: [Job] = []

    var count: Int { jobs.count }
    var isEmpty: Bool { jobs.isEmpty }
    var first: Job? { jobs.first }

    mutating func insert(_ job: Job) {
        jobs.append(job)
        moveUp(jobs.count - 1)
    }

    mutating func remove(_ job: Job) {
        let place = Int(job.heapIndex)
        job.heapIndex = -1
        let last = jobs.removeLast()
        guard last !== job else { return }
        jobs[place] = last
        last.heapIndex = Int32(place)
        // One of the two does nothing.
        moveUp(place)
        moveDown(Int(last.heapIndex))
    }

    private mutating func moveUp(_ start: Int) {
        let job = jobs[start]
        var place = start
        while place > 0, case let parent = jobs[(place - 1) / 2], Order.precedes(job, parent) {
            jobs[place] = parent
            parent.heapIndex = Int32(place)
            place = (place - 1) / 2
        }
        jobs[place] = job
        job.heapIndex = Int32(place)
    }

    private mutating func moveDown(_ start: Int) {
        let job = jobs[start]
        var place = start
        while 2 * place + 1 < jobs.count {
            var child = 2 * place + 1
            if child + 1 < jobs.count, Order.precedes(jobs[child + 1], jobs[child]) { child += 1 }
            guard Order.precedes(jobs[child], job) else { break }
            jobs[place] = jobs[child]
            jobs[place].heapIndex = Int32(place)
            place = child
        }
        jobs[place] = job
        job.heapIndex = Int32(place)
    }
}

/// A binary heap of everything that has a timer, the earliest first.
struct TimerHeap {
    private var timed: [Timed] = []

    var first: Timed? { timed.first }

    /// Sets the timer of something, or sets it anew.
    mutating func set(_ one: Timed, to time: QueueTime) {
        one.time = time
        if one.timerIndex < 0 {
            one.timerIndex = Int32(timed.count)
            timed.append(one)
        }
        moveUp(Int(one.timerIndex))
        moveDown(Int(one.timerIndex))
    }

    /// Removes the timer of something, if it has one.
    mutating func remove(_ one: Timed) {
        let place = Int(one.timerIndex)
        guard place >= 0 else { return }
        one.timerIndex = -1
        let last = timed.removeLast()
        guard last !== one else { return }
        timed[place] = last
        last.timerIndex = Int32(place)
        moveUp(place)
        moveDown(Int(last.timerIndex))
    }

    private mutating func moveUp(_ start: Int) {
        let one = timed[start]
        var place = start
        while place > 0, case let parent = timed[(place - 1) / 2], one.time < parent.time {
            timed[place] = parent
            parent.timerIndex = Int32(place)
            place = (place - 1) / 2
        }
        timed[place] = one
        one.timerIndex = Int32(place)
    }

    private mutating func moveDown(_ start: Int) {
        let one = timed[start]
        var place = start
        while 2 * place + 1 < timed.count {
            var child = 2 * place + 1
            if child + 1 < timed.count, timed[child + 1].time < timed[child].time { child += 1 }
            guard timed[child].time < one.time else { break }
            timed[place] = timed[child]
            timed[place].timerIndex = Int32(place)
            place = child
        }
        timed[place] = one
        one.timerIndex = Int32(place)
    }
}
