// SPDX-License-Identifier: Apache-2.0

/// What a connection does with the commands of its client.
enum Phase: Equatable {
    /// Executes them.
    case open
    /// Keeps them: the client waits for a job, or for what becomes of one.
    ///
    /// - missedJob: A job that it follows and that has changed while too much was unread, so that it is yet to be told
    ///   how the job is.
    case waiting(missedJob: UInt64?)
    /// Keeps them until there is room.
    case congested(Congestion)
    /// Takes none any more: the connection ends when its replies are sent.
    case closing(Closing)

    /// Where there is no room.
    enum Congestion {
        /// Too many replies are unsent.
        case outbox
        /// Too much was executed that the store has not written yet.
        case store
    }

    /// Who ends the connection.
    enum Closing {
        /// The peer: it sends no more, or is gone.
        case byPeer
        /// The client has said good-bye, or the server stops. What still arrives is discarded, but must not cost the
        /// client the replies before it.
        case bySelf
    }

    var isOpen: Bool {
        if case .open = self { true } else { false }
    }

    var isWaiting: Bool {
        if case .waiting = self { true } else { false }
    }

    var isClosing: Bool {
        if case .closing = self { true } else { false }
    }

    // MARK: Transitions

    /// The client waits.
    mutating func wait() {
        if isOpen { self = .waiting(missedJob: nil) }
    }

    /// The client's wait is over.
    mutating func stopWaiting() {
        if isWaiting { self = .open }
    }

    /// A follower is to be told of a job later.
    mutating func miss(job: UInt64) {
        if isWaiting { self = .waiting(missedJob: job) }
    }

    /// The job that a follower is yet to be told of.
    mutating func takeMissedJob() -> UInt64? {
        guard case .waiting(let job?) = self else { return nil }
        self = .waiting(missedJob: nil)
        return job
    }

    /// There is no room for more.
    mutating func congest(_ congestion: Congestion) {
        if isOpen { self = .congested(congestion) }
    }

    /// There is room again.
    ///
    /// - Returns: Whether that is what the connection has waited for.
    @discardableResult
    mutating func relieve(_ congestion: Congestion) -> Bool {
        guard self == .congested(congestion) else { return false }
        self = .open
        return true
    }

    /// The connection is to end, for good.
    ///
    /// - Returns: Whether it was not to end before.
    mutating func close(_ closing: Closing) -> Bool {
        guard !isClosing else { return false }
        self = .closing(closing)
        return true
    }
}
