// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import Sockets

/// Sends a connection's replies as far as they may leave and the peer has room for them, and keeps the rest.
struct ReplySender {
    private let exchange: Exchange
    private var outbox = Outbox()
    private var peerWatch: PeerWatch

    init(_ connection: Connection, _ exchange: Exchange) {
        self.exchange = exchange
        peerWatch = PeerWatch(connection)
    }

    var unsentCount: Int { outbox.unsentCount }

    /// Whether some of the replies wait for the store.
    var isHeld: Bool { outbox.isHeld }

    /// Sends replies that may leave together in one send, or keeps what cannot be sent now.
    ///
    /// - Parameter stored: What the store has.
    mutating func send(_ replies: [UInt8], after barrier: Barrier, stored: Barrier) throws(SocketError) {
        guard outbox.isEmpty, barrier <= stored else {
            return outbox.append(replies[...], after: barrier, stored: stored)
        }
        let count = try exchange.trySend(replies.span) ?? 0
        guard count < replies.count else { return }
        outbox.append(replies[count...], after: .none, stored: stored)
        peerWatch.repliesAreLeft(true)
    }

    /// Keeps a reply until ``flush()``.
    mutating func keep(_ answer: Answer, stored: Barrier) {
        outbox.append(answer, stored: stored)
    }

    /// Lets those replies leave that have waited for no more than what the store has, with ``flush()``.
    mutating func ripen(_ stored: Barrier) {
        outbox.ripen(stored)
    }

    /// Sends what may leave of the replies that are kept.
    mutating func flush() throws(SocketError) {
        let exchange = exchange
        let isSent = try outbox.sendRipe { bytes throws(SocketError) in try exchange.trySend(bytes) ?? 0 }
        if !isSent { peerWatch.repliesAreLeft(true) }
        outbox.removeSent()
        if outbox.isEmpty { peerWatch.repliesAreLeft(false) }
    }
}
