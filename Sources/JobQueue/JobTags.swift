// SPDX-License-Identifier: Apache-2.0

/// What a job can be told beside the fields that every job has: see `Documentation/protocol.md`.
public struct JobTags: Hashable, Sendable {
    /// It is the only job with this key in its tube; empty for none.
    public var key: [UInt8]
    /// Seconds after its end in which there is still no other.
    public var keySeconds: UInt32
    /// Seconds for which its outcome is kept.
    public var keepSeconds: UInt32
    /// How often a worker may get it; 0 for as often as it takes.
    public var attempts: UInt32
    /// When it is tried again after a failure; `nil` for whenever the worker says.
    public var backoff: Backoff?
    /// Whether it is its worker's for as long as that is connected.
    public var isLeasedToConnection: Bool

    /// Seconds between attempts.
    public struct Backoff: Hashable, Sendable {
        /// Before the second one.
        public var first: UInt32
        /// Before any: each is twice as long as the one before it, up to this.
        public var most: UInt32

        /// The seconds between attempts.
        public init(first: UInt32, most: UInt32) {
            self.first = first
            self.most = most
        }

        /// Seconds until the next attempt after so many, 1 or more.
        func delay(after attempts: UInt32) -> UInt32 {
            let doublings = attempts &- 1
            guard doublings < 32 else { return first == 0 ? 0 : most }
            return UInt32(min(UInt64(first) << UInt64(doublings), UInt64(most)))
        }
    }

    /// The tags of a job.
    public init(
        key: [UInt8] = [], keySeconds: UInt32 = 0, keepSeconds: UInt32 = 0, attempts: UInt32 = 0,
        backoff: Backoff? = nil, isLeasedToConnection: Bool = false
    ) {
        self.key = key
        self.keySeconds = keySeconds
        self.keepSeconds = keepSeconds
        self.attempts = attempts
        self.backoff = backoff
        self.isLeasedToConnection = isLeasedToConnection
    }
}

/// What only jobs have that were put with tags, or to which something has happened but being reserved.
final class JobExtras {
    let tags: JobTags?
    /// How far the worker is.
    var percent: UInt8 = 0
    var text: [UInt8] = []
    /// How often things have happened to the job, but for being reserved, which happens to every one.
    var counts = JobCounts()
    /// Why the last attempt has failed; empty if nobody said.
    var reason: [UInt8] = []
    /// The job's number in the order of burial, if it is buried.
    var burial: Int64 = 0
    /// Reservations that do not count as attempts any more, as the job was kicked.
    var formerReserves: UInt32 = 0

    init(_ tags: JobTags?) {
        self.tags = tags
    }

    var memory: Int { 200 + (tags?.key.count ?? 0) + text.count + reason.count }
}

/// A key in a tube, whether or not there is the tube.
struct UniqueKey: Hashable {
    let tube: [UInt8]
    let key: [UInt8]
}
