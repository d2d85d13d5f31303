// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Sends bytes, and returns how many of them the kernel has taken.
    ///
    /// On a blocking stream that is all of them, unless a time-out (``SocketOption/sendTimeout``) or, without
    /// `retryOnInterrupt`, a signal cuts the call short; ``sendAll(_:timeout:)-(RawSpan,_)`` goes on until the end. A
    /// datagram is sent whole or not at all, and one without bytes is a datagram too.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - flags: How to send it.
    ///   - retryOnInterrupt: Whether to begin again when a signal interrupts the call before anything was sent;
    ///     otherwise it throws `EINTR`.
    /// - Returns: The number of bytes taken.
    /// - Throws: `SocketError`: `EPIPE` or `ECONNRESET` when the peer is gone (never a signal); one with
    ///   ``SocketError/isWouldBlock`` when the socket is non-blocking and the kernel's buffer full.
    ///
    /// The corresponding C function is `send`, with `MSG_NOSIGNAL`.
    public func send(
        _ bytes: RawSpan, flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try checked(.send, System.send(descriptor, bytes, flags, retryOnInterrupt: retryOnInterrupt))
    }

    /// Sends bytes, as ``send(_:flags:retryOnInterrupt:)-(RawSpan,_,_)``.
    public func send(
        _ bytes: Span<UInt8>, flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        // SAFETY: reading initialised UInt8s as raw bytes; the span is borrowed for the call.
        try send(unsafe bytes.bytes, flags: flags, retryOnInterrupt: retryOnInterrupt)
    }

    /// Sends bytes, as ``send(_:flags:retryOnInterrupt:)-(RawSpan,_,_)``.
    public func send(
        _ bytes: [UInt8], flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try send(bytes.span, flags: flags, retryOnInterrupt: retryOnInterrupt)
    }

    /// Sends text as UTF-8, as ``send(_:flags:retryOnInterrupt:)-(RawSpan,_,_)``.
    public func send(
        _ text: String, flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try send(text.utf8Span.span, flags: flags, retryOnInterrupt: retryOnInterrupt)
    }

    /// Sends what can be sent without waiting, whatever the socket's mode.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - flags: How to send it.
    /// - Returns: The number of bytes taken, or `nil` if none can be taken now.
    /// - Throws: `SocketError` as ``send(_:flags:retryOnInterrupt:)-(RawSpan,_,_)``, but never for would-block.
    ///
    /// The corresponding C function is `send`, with `MSG_NOSIGNAL` and `MSG_DONTWAIT`.
    public func trySend(_ bytes: RawSpan, flags: SendFlags = []) throws(SocketError) -> Int? {
        let result = System.send(descriptor, bytes, flags.union(.doNotWait), retryOnInterrupt: true)
        return try checkedUnlessWouldBlock(.send, result)
    }

    /// Sends what can be sent without waiting, as ``trySend(_:flags:)-(RawSpan,_)``.
    public func trySend(_ bytes: Span<UInt8>, flags: SendFlags = []) throws(SocketError) -> Int? {
        // SAFETY: reading initialised UInt8s as raw bytes; the span is borrowed for the call.
        try trySend(unsafe bytes.bytes, flags: flags)
    }

    /// Sends a datagram to an address, or bytes of a connected stream, for which the address is ignored.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - address: Where to send it.
    ///   - flags: How to send it.
    ///   - retryOnInterrupt: Whether to begin again when a signal interrupts the call.
    /// - Returns: The number of bytes taken.
    /// - Throws: `SocketError`, naming the address.
    ///
    /// The corresponding C function is `sendto`, with `MSG_NOSIGNAL`.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        let result = System.send(descriptor, bytes, to: address, flags, retryOnInterrupt: retryOnInterrupt)
        return try checked(.send, result, subject: .address(address))
    }

    /// Sends a datagram to an address, as ``send(_:to:flags:retryOnInterrupt:)-(RawSpan,_,_,_)``.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        // SAFETY: reading initialised UInt8s as raw bytes; the array is borrowed for the call.
        try send(unsafe bytes.span.bytes, to: address, flags: flags, retryOnInterrupt: retryOnInterrupt)
    }

    /// Sends a datagram to an address if that needs no waiting, whatever the socket's mode.
    ///
    /// - Returns: The number of bytes taken, or `nil` if none can be taken now.
    /// - Throws: `SocketError`, naming the address, but never for would-block.
    ///
    /// The corresponding C function is `sendto`, with `MSG_NOSIGNAL` and `MSG_DONTWAIT`.
    public func trySend(
        _ bytes: RawSpan, to address: SocketAddress, flags: SendFlags = []
    ) throws(SocketError) -> Int? {
        let flags = flags.union(.doNotWait)
        let result = System.send(descriptor, bytes, to: address, flags, retryOnInterrupt: true)
        return try checkedUnlessWouldBlock(.send, result, subject: .address(address))
    }
}
