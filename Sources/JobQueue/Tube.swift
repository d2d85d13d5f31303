// SPDX-License-Identifier: Apache-2.0

/// A named queue. Its timer is the end of its pause.
final class Tube: Timed {
    var time = QueueTime(nanoseconds: 0)
    var timerIndex: Int32 = -1
    let name: [UInt8]
    var ready = SortedList<ByPriority>()
    var delayed = SortedList<ByTime>()
    var reserved = SortedList<ByReservation>()
    var buried = SortedList<ByBurial>()
    var urgentCount = 0
    /// Jobs that were ever put.
    var totalCount: UInt64 = 0
    var deleteCount: UInt64 = 0
    var pauseCount: UInt64 = 0
    var usingCount = 0
    var watchingCount = 0
    /// The length of the current pause; 0 if there is none.
    var pause: UInt32 = 0
    var waiters = Waiters()
    /// The place in the list of tubes.
    var index = 0

    init(_ name: [UInt8]) {
        self.name = name
    }

    var isPaused: Bool { pause > 0 }

    /// Lets go of all jobs and clients.
    func letGo() {
        ready = SortedList()
        delayed = SortedList()
        reserved = SortedList()
        buried = SortedList()
        waiters = Waiters()
    }

    /// Whether nothing needs the tube any more.
    var isUnused: Bool {
        usingCount == 0 && watchingCount == 0 && ready.isEmpty && delayed.isEmpty && reserved.isEmpty
            && buried.isEmpty
    }
}

/// The clients that wait for a job of a tube, first come, first served.
///
/// A client waits at several tubes at once and is served at one of them. The others keep its entry until it comes to
/// the front or until such entries are the most, so that nothing is searched when a client is served.
struct Waiters {
    private struct Entry {
        let client: Client
        /// Which of the client's waits it is.
        let wait: UInt64

        var isWaiting: Bool { client.isWaiting && client.wait == wait }
    }

    private var entries: [Entry] = []
    private var first = 0
    /// How many clients wait here.
    private(set) var count = 0

    mutating func append(_ client: Client) {
        if entries.count - first > 2 * count + 32 {
            entries.removeSubrange(..<first)
            entries.removeAll { !$0.isWaiting }
            first = 0
        }
        entries.append(Entry(client: client, wait: client.wait))
        count += 1
    }

    /// Says that a client that waited here does not any more.
    mutating func removeOne() {
        count -= 1
        if count == 0 {
            entries.removeAll(keepingCapacity: entries.capacity <= 64)
            first = 0
        }
    }

    /// The client that has waited longest.
    mutating func longestWaiting() -> Client? {
        guard count > 0 else { return nil }
        while !entries[first].isWaiting { first += 1 }
        if first > entries.count / 2, first > 32 {
            entries.removeSubrange(..<first)
            first = 0
        }
        return entries[first].client
    }
}
