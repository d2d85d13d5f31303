// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Receives bytes and appends them to the buffer.
    ///
    /// A stream gives what has arrived, at least one byte and at most the buffer's free capacity, and 0 at its end. A
    /// datagram socket gives one datagram, which may be empty; what does not fit the buffer is lost without a word
    /// (``receiveFrom(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)`` tells).
    ///
    /// - Parameters:
    ///   - buffer: Where to append.
    ///   - flags: How to receive.
    ///   - retryOnInterrupt: Whether to go on waiting when a signal interrupts the call; otherwise it throws `EINTR`.
    /// - Returns: The number of bytes received. With ``ReceiveFlags/realLength`` it is the datagram's length, though no
    ///   more is appended than fits.
    /// - Throws: `SocketError`: `ECONNRESET` when the peer has reset the connection; one with
    ///   ``SocketError/isWouldBlock`` when the socket is non-blocking and nothing has arrived.
    ///
    /// The corresponding C function is `recv`.
    public func receive(
        into buffer: inout OutputRawSpan, flags: ReceiveFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try checked(.receive, System.receive(descriptor, &buffer, flags, retryOnInterrupt: retryOnInterrupt))
    }

    /// Receives bytes and appends them, as ``receive(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)``.
    public func receive(
        into buffer: inout OutputSpan<UInt8>, flags: ReceiveFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try checked(.receive, System.receive(descriptor, &buffer, flags, retryOnInterrupt: retryOnInterrupt))
    }

    /// Receives what has already arrived, without waiting, whatever the socket's mode.
    ///
    /// - Parameters:
    ///   - buffer: Where to append.
    ///   - flags: How to receive.
    /// - Returns: The number of bytes received, 0 at the end of a stream, or `nil` if nothing has arrived.
    /// - Throws: `SocketError`, but never for would-block.
    ///
    /// The corresponding C function is `recv`, with `MSG_DONTWAIT`.
    public func tryReceive(into buffer: inout OutputRawSpan, flags: ReceiveFlags = []) throws(SocketError) -> Int? {
        let result = System.receive(descriptor, &buffer, flags.union(.doNotWait), retryOnInterrupt: true)
        return try checkedUnlessWouldBlock(.receive, result)
    }

    /// Receives what has already arrived, as ``tryReceive(into:flags:)-(OutputRawSpan,_)``.
    public func tryReceive(
        into buffer: inout OutputSpan<UInt8>, flags: ReceiveFlags = []
    ) throws(SocketError) -> Int? {
        let result = System.receive(descriptor, &buffer, flags.union(.doNotWait), retryOnInterrupt: true)
        return try checkedUnlessWouldBlock(.receive, result)
    }
}
