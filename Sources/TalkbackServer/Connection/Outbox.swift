// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

/// The replies of a connection that were not sent yet, and what they wait for: a value that knows no socket.
///
/// Replies leave in order, so one that waits for the store holds those behind it too.
struct Outbox {
    private var bytes: [UInt8] = []
    private var sentCount = 0
    /// From where on the bytes wait for what, in order; each for more than the one before.
    private var barriers: [(start: Int, barrier: Barrier)] = []

    /// A larger buffer than this is not kept when it is empty.
    private static let keptCapacity = 4096
    /// Fewer sent bytes than this stay where they are until everything was sent.
    private static let movedCount = 1 << 16

    var isEmpty: Bool { bytes.isEmpty }

    var unsentCount: Int { bytes.count - sentCount }

    /// Whether some of the replies wait for the store.
    var isHeld: Bool { !barriers.isEmpty }

    /// How many bytes may be sent now.
    var ripeCount: Int { (barriers.first?.start ?? bytes.count) - sentCount }

    /// Appends a reply that may leave once the store has everything up to its barrier.
    ///
    /// - Parameter stored: What the store has now.
    mutating func append(_ answer: Answer, stored: Barrier) {
        hold(until: answer.barrier, stored)
        bytes.append(answer.reply)
    }

    /// Appends replies that may leave together.
    mutating func append(_ replies: ArraySlice<UInt8>, after barrier: Barrier, stored: Barrier) {
        hold(until: barrier, stored)
        bytes += replies
    }

    private mutating func hold(until barrier: Barrier, _ stored: Barrier) {
        guard barrier > stored else { return }
        // What is behind a barrier waits for it too.
        if let last = barriers.last, last.barrier >= barrier { return }
        barriers.append((bytes.count, barrier))
    }

    /// Lets those replies leave that have waited for no more than what the store has.
    mutating func ripen(_ stored: Barrier) {
        var count = 0
        while count < barriers.count, barriers[count].barrier <= stored { count += 1 }
        barriers.removeSubrange(..<count)
    }

    /// Sends what may be sent.
    ///
    /// - Parameter transfer: Is given the bytes, and returns how many of them it has taken.
    /// - Returns: Whether it has taken them all.
    mutating func sendRipe<Failure: Error>(_ transfer: (Span<UInt8>) throws(Failure) -> Int) throws(Failure) -> Bool {
        let count = ripeCount
        guard count > 0 else { return true }
        let bytes = bytes
        let sent = try transfer(bytes.span.extracting(sentCount..<sentCount + count))
        sentCount += sent
        return sent == count
    }

    /// Makes room: at once if everything was sent, and else once what was sent is the larger part, so that the buffer
    /// of a client that never lets it become empty does not grow, and each byte is moved once.
    mutating func removeSent() {
        if unsentCount == 0 {
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
            sentCount = 0
        } else if sentCount >= Self.movedCount, sentCount > bytes.count / 2 {
            bytes.removeSubrange(..<sentCount)
            // What was sent waits for nothing any more.
            for index in barriers.indices { barriers[index].start -= sentCount }
            sentCount = 0
        }
    }

    /// How many bytes the buffer has, sent ones among them.
    var bufferCount: Int { bytes.count }
}
