// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Sends all of the bytes, in as many calls as that takes, whatever the socket's mode.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - timeout: How long the whole may take; `nil` waits for ever.
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the time is over. Some of the bytes may have been sent then, so a
    ///   stream is good for nothing but closing.
    ///
    /// The corresponding C functions are `send`, with `MSG_NOSIGNAL`, and `poll`.
    public func sendAll(_ bytes: RawSpan, timeout: Duration? = nil) throws(SocketError) {
        if let timeout, timeout < .zero { throw SocketError(.send, .invalid(.negative)) }
        let deadline = timeout.map { Deadline(after: $0) }
        var sent = 0
        repeat {
            if let count = try trySend(bytes.extracting(droppingFirst: sent)) {
                sent += count
            } else if try wait(for: .writable, timeout: deadline?.remaining).isEmpty {
                throw SocketError(.send, .system(.timedOut))
            }
        } while sent < bytes.byteCount
    }

    /// Sends all of the bytes, as ``sendAll(_:timeout:)-(RawSpan,_)``.
    public func sendAll(_ bytes: Span<UInt8>, timeout: Duration? = nil) throws(SocketError) {
        // SAFETY: reading initialised UInt8s as raw bytes; the span is borrowed for the call.
        try sendAll(unsafe bytes.bytes, timeout: timeout)
    }

    /// Sends all of the bytes, as ``sendAll(_:timeout:)-(RawSpan,_)``.
    public func sendAll(_ bytes: [UInt8], timeout: Duration? = nil) throws(SocketError) {
        try sendAll(bytes.span, timeout: timeout)
    }

    /// Sends all of the text as UTF-8, as ``sendAll(_:timeout:)-(RawSpan,_)``.
    public func sendAll(_ text: String, timeout: Duration? = nil) throws(SocketError) {
        try sendAll(text.utf8Span.span, timeout: timeout)
    }
}
