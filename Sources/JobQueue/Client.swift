// SPDX-License-Identifier: Apache-2.0

/// One connection as the queue knows it.
public struct ClientID: Hashable, Sendable {
    let number: UInt64
}

/// Its timer is the end of its wait for a job.
final class Client: Timed {
    let id: ClientID
    var used: Tube
    /// The tubes that jobs are reserved from, in the order in which they are told.
    var watched: [Tube]
    /// The jobs that the client has reserved, by the end of their time to run.
    var reserved = JobHeap<ByTime>()
    var isWaiting = false
    /// The number of the current wait, or the last one.
    var wait: UInt64 = 0
    /// When the current wait ends without a job, but for a deadline; `nil` for never.
    var waitEnd: QueueTime?
    var isProducer = false
    var isWorker = false

    init(_ id: ClientID, _ tube: Tube) {
        self.id = id
        used = tube
        watched = [tube]
    }

    /// When the time for one of the client's jobs ends within a second; `nil` if it has none.
    var marginStart: QueueTime? {
        reserved.first.map { QueueTime(nanoseconds: $0.time.nanoseconds &- QueueTime.second) }
    }
}
