// SPDX-License-Identifier: Apache-2.0

/// The groups of mutations that were given to the store and are not committed yet, in order.
struct Submissions {
    private var groups: [(sequence: UInt64, byteCount: Int)] = []
    /// Where the groups begin: those before are committed, and are removed all at once now and then.
    private var first = 0
    /// About how many bytes they may make the store write.
    private(set) var byteCount = 0

    var isEmpty: Bool { first == groups.count }

    mutating func append(through sequence: UInt64, byteCount: Int) {
        groups.append((sequence, byteCount))
        self.byteCount += byteCount
    }

    /// Forgets the groups that are committed.
    mutating func remove(through sequence: UInt64) {
        while first < groups.count, groups[first].sequence <= sequence {
            byteCount -= groups[first].byteCount
            first += 1
        }
        guard first > 32 || isEmpty, first * 2 >= groups.count else { return }
        groups.removeSubrange(..<first)
        first = 0
    }
}
