// SPDX-License-Identifier: Apache-2.0

/// The jobs by their numbers: a hash table of nothing but references, at most three quarters full, in which a job is at
/// its number's place or a few behind it. A dictionary would take more than twice the memory, and hash with a keyed
/// function, which numbers that the queue has given out itself have no need of.
struct JobTable {
    private var places: [Job?]
    private(set) var count = 0
    private var mask: Int
    private var shift: UInt64

    init() {
        places = Array(repeating: nil, count: 16)
        mask = 15
        shift = 60
    }

    private func home(_ id: UInt64) -> Int {
        // Fibonacci hashing: numbers at any even distance from each other are spread evenly.
        Int(truncatingIfNeeded: (id &* 0x9E37_79B9_7F4A_7C15) &>> shift)
    }

    private func place(of id: UInt64) -> Int? {
        var place = home(id)
        while let job = places[place] {
            if job.id == id { return place }
            place = (place + 1) & mask
        }
        return nil
    }

    subscript(id: UInt64) -> Job? { place(of: id).flatMap { places[$0] } }

    /// Adds a job whose number is not there.
    mutating func insert(_ job: Job) {
        if (count + 1) * 4 > places.count * 3 { resize(to: places.count * 2) }
        add(job)
        count += 1
    }

    private mutating func add(_ job: Job) {
        var place = home(job.id)
        while places[place] != nil { place = (place + 1) & mask }
        places[place] = job
    }

    mutating func remove(_ id: UInt64) {
        guard var hole = place(of: id) else { return }
        places[hole] = nil
        count -= 1
        // Those behind that would have been here move up, so that there is never a gap before a job.
        var next = (hole + 1) & mask
        while let job = places[next] {
            let distance = (next - home(job.id)) & mask
            if distance >= (next - hole) & mask {
                places[hole] = job
                places[next] = nil
                hole = next
            }
            next = (next + 1) & mask
        }
        if places.count > 1024, count * 8 < places.count { resize(to: places.count / 4) }
    }

    private mutating func resize(to size: Int) {
        var old: [Job?] = Array(repeating: nil, count: size)
        swap(&old, &places)
        mask = size - 1
        shift = UInt64(size.leadingZeroBitCount + 1)
        for case let job? in old { add(job) }
    }
}
