// SPDX-License-Identifier: Apache-2.0

/// What a descriptor can be waited for, and what the wait can report: the flags of `poll(2)`.
public struct PollEvents: OptionSet, Hashable, Sendable {
    /// `POLL` constants, or-ed together.
    public let rawValue: Int16

    /// Events by the values of their `POLL` constants.
    public init(rawValue: Int16) {
        self.rawValue = rawValue
    }

    /// Receiving, or accepting, would not wait: there is input, a connection, the end of the stream or an error
    /// (`POLLIN`).
    public static let readable = PollEvents(rawValue: Constants.pollReadable)
    /// Sending would not wait, or a connection attempt has ended (`POLLOUT`).
    public static let writable = PollEvents(rawValue: Constants.pollWritable)
    /// There is something exceptional, such as TCP's urgent byte (`POLLPRI`).
    public static let priority = PollEvents(rawValue: Constants.pollPriority)
    /// The peer has ended its sending half, or the connection is gone (`POLLRDHUP`).
    public static let peerHalfClosed = PollEvents(rawValue: Constants.pollPeerHalfClosed)
    /// The socket has a pending error (`POLLERR`). Reported whether waited for or not.
    public static let error = PollEvents(rawValue: Constants.pollError)
    /// Both halves are ended (`POLLHUP`). Reported whether waited for or not; there may still be input.
    public static let hangUp = PollEvents(rawValue: Constants.pollHangUp)
    /// The descriptor is not open (`POLLNVAL`). Reported whether waited for or not.
    public static let invalid = PollEvents(rawValue: Constants.pollInvalid)
}
