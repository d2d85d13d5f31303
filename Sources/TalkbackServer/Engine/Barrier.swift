// SPDX-License-Identifier: Apache-2.0

internal import JobQueue

/// From when on a reply may leave: once the store has every numbered mutation through this one.
///
/// No reply leaves before everything that it shows is in the store. The rule fails closed: a reply waits for the newest
/// mutation there is when it is made, unless the table of ``Narrowings`` allows less and the maker says, by type, what
/// the reply shows. To forget either costs time, never truth.
struct Barrier: Comparable {
    private let sequence: UInt64

    private init(_ sequence: UInt64) {
        self.sequence = sequence
    }

    /// Holds nothing back: for replies that show nothing the store has.
    static let none = Barrier(0)

    /// Everything executed so far.
    static func newest(of queue: JobQueue) -> Barrier { Barrier(queue.lastSequence) }

    /// What was recorded of one job.
    static func job(_ job: JobSequence) -> Barrier { Barrier(job.number) }

    /// Everything through a mutation that the store has.
    static func stored(through sequence: UInt64) -> Barrier { Barrier(sequence) }

    static func < (one: Barrier, other: Barrier) -> Bool { one.sequence < other.sequence }
}
