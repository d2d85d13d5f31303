// SPDX-License-Identifier: Apache-2.0

/// Flags for sending: the last argument of `send(2)`.
///
/// `MSG_NOSIGNAL` has no member because every send of this library sets it: a peer that is gone is the error
/// `EPIPE`, never a signal that ends the process.
public struct SendFlags: OptionSet, Hashable, Sendable {
    /// `MSG_` constants, or-ed together.
    public let rawValue: Int32

    /// Flags by the values of their `MSG_` constants.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Tells the link layer that the peer answered, so that its address need not be asked for again (`MSG_CONFIRM`).
    public static let confirm = SendFlags(rawValue: Constants.messageConfirm)
    /// Sends to directly connected networks only, past the routing table (`MSG_DONTROUTE`).
    public static let doNotRoute = SendFlags(rawValue: Constants.messageDoNotRoute)
    /// Does not wait, whatever the socket's mode (`MSG_DONTWAIT`).
    public static let doNotWait = SendFlags(rawValue: Constants.messageDoNotWait)
    /// Ends a record, where the protocol has records (`MSG_EOR`).
    public static let endOfRecord = SendFlags(rawValue: Constants.messageEndOfRecord)
    /// More will follow, so that a packet need not leave yet (`MSG_MORE`).
    public static let more = SendFlags(rawValue: Constants.messageMore)
    /// Sends TCP's urgent byte (`MSG_OOB`).
    public static let outOfBand = SendFlags(rawValue: Constants.messageOutOfBand)
    /// Lets the kernel send from the caller's memory (`MSG_ZEROCOPY`). The memory must stay unchanged until the
    /// socket's error queue reports it free; see ``SocketOption/zeroCopy``.
    public static let zeroCopy = SendFlags(rawValue: Constants.messageZeroCopy)
}

/// Flags for receiving: the last argument of `recv(2)`.
public struct ReceiveFlags: OptionSet, Hashable, Sendable {
    /// `MSG_` constants, or-ed together.
    public let rawValue: Int32

    /// Flags by the values of their `MSG_` constants.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Does not wait, whatever the socket's mode (`MSG_DONTWAIT`).
    public static let doNotWait = ReceiveFlags(rawValue: Constants.messageDoNotWait)
    /// Takes a message from the socket's error queue (`MSG_ERRQUEUE`).
    public static let errorQueue = ReceiveFlags(rawValue: Constants.messageErrorQueue)
    /// Takes TCP's urgent byte (`MSG_OOB`).
    public static let outOfBand = ReceiveFlags(rawValue: Constants.messageOutOfBand)
    /// Leaves what is received in the socket, for the next call to receive it again (`MSG_PEEK`).
    public static let peek = ReceiveFlags(rawValue: Constants.messagePeek)
    /// Reports a datagram's real length even if it is longer than the buffer (`MSG_TRUNC`).
    public static let realLength = ReceiveFlags(rawValue: Constants.messageTruncate)
    /// Waits until the buffer is full, the stream ends or an error occurs (`MSG_WAITALL`).
    public static let waitForAll = ReceiveFlags(rawValue: Constants.messageWaitAll)
}

/// What the kernel says of a received message: `msg_flags` of `recvmsg(2)`.
public struct MessageFlags: OptionSet, Hashable, Sendable {
    /// `MSG_` constants, or-ed together.
    public let rawValue: Int32

    /// Flags by the values of their `MSG_` constants.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Control messages were lost because the space for them was too small (`MSG_CTRUNC`).
    public static let controlTruncated = MessageFlags(rawValue: Constants.messageControlTruncated)
    /// The message ends a record (`MSG_EOR`).
    public static let endOfRecord = MessageFlags(rawValue: Constants.messageEndOfRecord)
    /// The message is from the socket's error queue (`MSG_ERRQUEUE`).
    public static let errorQueue = MessageFlags(rawValue: Constants.messageErrorQueue)
    /// The data is TCP's urgent byte (`MSG_OOB`).
    public static let outOfBand = MessageFlags(rawValue: Constants.messageOutOfBand)
    /// The datagram was longer than the buffers, and its rest is lost (`MSG_TRUNC`).
    public static let truncated = MessageFlags(rawValue: Constants.messageTruncate)
}
