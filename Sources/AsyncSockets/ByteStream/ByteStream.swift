// SPDX-License-Identifier: Apache-2.0

public import Sockets

/// Two ways for bytes between two ends: what a ``Connection`` is, and what may stand in its place.
///
/// Write what speaks a protocol for `some ByteStream`, and it can be tested without a network, and spoken over whatever
/// else carries bytes.
public protocol ByteStream: Sendable {
    /// Receives what has arrived, at least one byte and at most the buffer's free capacity, and appends it; waits until
    /// there is something.
    ///
    /// - Parameters:
    ///   - buffer: Where to append.
    ///   - timeout: How long to wait; `nil` for ever.
    /// - Returns: The number of bytes; 0 at the end of the stream, or when the buffer is full.
    /// - Throws: `SocketError`: `ETIMEDOUT` when the time is over, `SocketError.Reason.cancelled`,
    ///   `SocketError.Reason.closed`.
    func receive(into buffer: inout OutputRawSpan, timeout: Duration?) async throws(SocketError) -> Int

    /// Receives what has arrived and appends it to an array, at most so many bytes: 0 or more, and the memory for as
    /// many need not be taken before they have come.
    func receive(into bytes: inout [UInt8], upTo limit: Int, timeout: Duration?) async throws(SocketError) -> Int

    /// Sends bytes, and returns when all of them are taken over.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - timeout: How long to wait; `nil` for ever.
    /// - Throws: `SocketError` as ``receive(into:timeout:)``, and when the other end is gone.
    func send(_ bytes: RawSpan, timeout: Duration?) async throws(SocketError)

    /// Ends the sending half: the other end receives the end of the stream, and can still send.
    func finishSending() throws(SocketError)

    /// Ends both halves, and every call that waits.
    func close()
}

extension ByteStream {
    /// Receives at most so many bytes.
    ///
    /// - Parameters:
    ///   - limit: The most bytes, 0 or more. However large it is, what has arrived is what memory is taken for.
    ///   - timeout: How long to wait; `nil` for ever. Zero takes what has arrived already.
    /// - Returns: The bytes; none at the end of the stream.
    public func receive(upTo limit: Int, timeout: Duration? = nil) async throws(SocketError) -> [UInt8] {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        var bytes: [UInt8] = []
        _ = try await receive(into: &bytes, upTo: limit, timeout: timeout)
        return bytes
    }

    /// Sends bytes, and returns when all of them are taken over.
    public func send(_ bytes: [UInt8], timeout: Duration? = nil) async throws(SocketError) {
        // SAFETY: reading initialised UInt8s as raw bytes; the array is borrowed for the call.
        try await send(unsafe bytes.span.bytes, timeout: timeout)
    }

    /// Sends bytes, and returns when all of them are taken over.
    public func send(_ bytes: Span<UInt8>, timeout: Duration? = nil) async throws(SocketError) {
        // SAFETY: reading initialised UInt8s as raw bytes; the span is borrowed for the call.
        try await send(unsafe bytes.bytes, timeout: timeout)
    }

    /// Sends text as UTF-8, and returns when all of it is taken over.
    public func send(_ text: String, timeout: Duration? = nil) async throws(SocketError) {
        // SAFETY: reading initialised UInt8s as raw bytes; the text is borrowed for the call.
        try await send(unsafe text.utf8Span.span.bytes, timeout: timeout)
    }

    /// Receives everything up to the end of the stream.
    ///
    /// - Parameters:
    ///   - limit: The most that is accepted, 0 or more; `Int.max` is no limit.
    ///   - timeout: How long to wait for each piece; `nil` for ever.
    /// - Throws: `SocketError` with `SocketError.Reason.limitExceeded(limit:)` when there is more than that.
    public func receiveAll(limit: Int, timeout: Duration? = nil) async throws(SocketError) -> [UInt8] {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            // One more than is accepted shows that there is more.
            let count = min(65_535, limit - bytes.count) + 1
            if try await receive(into: &bytes, upTo: count, timeout: timeout) == 0 { return bytes }
        }
        throw SocketError(.receive, .limitExceeded(limit: limit))
    }
}
