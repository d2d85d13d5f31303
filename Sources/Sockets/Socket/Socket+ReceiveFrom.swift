// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// What ``Socket/receiveFrom(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)`` says of a datagram.
public struct ReceivedDatagram: Hashable, Sendable {
    /// The number of bytes received.
    public var byteCount: Int
    /// Who sent it; `nil` if the sender has no address, or on a connected stream.
    public var sender: SocketAddress?
    /// Whether it was longer than the buffer, so that its rest is lost.
    public var isTruncated: Bool

    init(_ message: System.RawMessage) {
        byteCount = message.byteCount
        sender = message.sender
        isTruncated = message.flags.contains(.truncated)
    }
}

extension Socket {
    /// Receives a datagram, appends its bytes to the buffer and tells who sent it.
    ///
    /// - Parameters:
    ///   - buffer: Where to append.
    ///   - flags: How to receive.
    ///   - retryOnInterrupt: Whether to go on waiting when a signal interrupts the call; otherwise it throws `EINTR`.
    /// - Throws: `SocketError` as ``receive(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)``.
    ///
    /// The corresponding C function is `recvmsg`, which, unlike `recvfrom`, tells that a datagram was too long.
    public func receiveFrom(
        into buffer: inout OutputRawSpan, flags: ReceiveFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> ReceivedDatagram {
        var control: [UInt8] = []
        let result = System.receiveMessage(
            descriptor, &buffer, control: &control, flags, retryOnInterrupt: retryOnInterrupt)
        return ReceivedDatagram(try checked(.receive, result))
    }

    /// Receives a datagram, as ``receiveFrom(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)``.
    public func receiveFrom(
        into buffer: inout OutputSpan<UInt8>, flags: ReceiveFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> ReceivedDatagram {
        var control: [UInt8] = []
        let result = System.receiveMessage(
            descriptor, &buffer, control: &control, flags, retryOnInterrupt: retryOnInterrupt)
        return ReceivedDatagram(try checked(.receive, result))
    }

    /// Receives a datagram if one has arrived, without waiting, whatever the socket's mode.
    ///
    /// - Returns: What there is to say of it, or `nil` if none has arrived.
    /// - Throws: `SocketError`, but never for would-block.
    ///
    /// The corresponding C function is `recvmsg`, with `MSG_DONTWAIT`.
    public func tryReceiveFrom(
        into buffer: inout OutputRawSpan, flags: ReceiveFlags = []
    ) throws(SocketError) -> ReceivedDatagram? {
        var control: [UInt8] = []
        let result = System.receiveMessage(
            descriptor, &buffer, control: &control, flags.union(.doNotWait), retryOnInterrupt: true)
        return try checkedUnlessWouldBlock(.receive, result).map(ReceivedDatagram.init)
    }

    /// Receives a datagram if one has arrived, as ``tryReceiveFrom(into:flags:)-(OutputRawSpan,_)``.
    public func tryReceiveFrom(
        into buffer: inout OutputSpan<UInt8>, flags: ReceiveFlags = []
    ) throws(SocketError) -> ReceivedDatagram? {
        var control: [UInt8] = []
        let result = System.receiveMessage(
            descriptor, &buffer, control: &control, flags.union(.doNotWait), retryOnInterrupt: true)
        return try checkedUnlessWouldBlock(.receive, result).map(ReceivedDatagram.init)
    }
}
