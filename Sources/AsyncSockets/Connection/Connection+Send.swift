// SPDX-License-Identifier: Apache-2.0

public import Sockets

extension Connection {
    /// Sends bytes, and returns when the kernel has taken all of them.
    ///
    /// Calls from several tasks are served one after another; the bytes of two never mix.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - timeout: How long to take for it, waiting for the own turn included; `nil` for ever.
    /// - Throws: `SocketError`, naming the peer: `EPIPE` or `ECONNRESET` when the peer is gone, `ETIMEDOUT` when this
    ///   or another time is over, `SocketError.Reason.cancelled`, `SocketError.Reason.closed`. A part of the bytes may
    ///   have been sent then.
    ///
    /// The corresponding C function is `send`, with `MSG_NOSIGNAL`.
    public func send(_ bytes: RawSpan, timeout: Duration? = nil) async throws(SocketError) {
        let sent: Int
        do throws(SocketError) {
            sent = try channel.sendNow(bytes)
        } catch {
            throw named(error)
        }
        if sent < bytes.byteCount || sent == 0 { try await sendRest(of: bytes, after: sent, timeout) }
    }

    /// Sends bytes, as ``send(_:timeout:)-(RawSpan,_)``.
    public func send(_ bytes: [UInt8], timeout: Duration? = nil) async throws(SocketError) {
        let sent: Int
        do throws(SocketError) {
            // SAFETY: reading initialised UInt8s as raw bytes; the array is borrowed for the call.
            sent = try channel.sendNow(unsafe bytes.span.bytes)
        } catch {
            throw named(error)
        }
        if sent < bytes.count || sent == 0 {
            try await sendRest(of: unsafe bytes.span.bytes, after: sent, timeout)
        }
    }

    private func sendRest(of bytes: RawSpan, after first: Int, _ timeout: Duration?) async throws(SocketError) {
        try await send(bytes.byteCount, after: first, timeout) { (socket: borrowing Socket, sent) throws(SocketError) in
            try socket.trySend(bytes.extracting(droppingFirst: sent))
        }
    }

    /// Calls `attempt` until all is sent.
    ///
    /// - Parameters:
    ///   - count: The number of bytes.
    ///   - first: How many of them ``Channel/sendNow(_:)`` has sent; the claim it keeps for the rest keeps others out.
    ///   - attempt: Sends some of what comes after the bytes sent so far, and says how many; `nil` if it had to wait.
    @inline(__always)
    private func send(
        _ count: Int, after first: Int = 0, _ timeout: Duration?,
        _ attempt: (borrowing Socket, _ sent: Int) throws(SocketError) -> Int?
    ) async throws(SocketError) {
        var patience = Patience(.send, timeout)
        patience.hasTried = first > 0
        do throws(SocketError) {
            if first == 0 { try await channel.beginSending(&patience) }
            defer { channel.endSending() }
            var sent = first
            while sent < count {
                if channel.isGreedy { try await channel.yield(&patience) }
                let more = try attempt(channel.socket, sent)
                patience.hasTried = true
                if let more {
                    sent += more
                    channel.touch()
                } else {
                    try await channel.wait(.sending, &patience)
                }
            }
        } catch {
            throw named(error)
        }
    }

    /// Sends two pieces of memory, one after the other, without copying them together, as
    /// ``send(_:timeout:)-(RawSpan,_)``.
    ///
    /// The corresponding C function is `sendmsg`.
    public func send(
        gathering first: RawSpan, _ second: RawSpan, timeout: Duration? = nil
    ) async throws(SocketError) {
        let count = first.byteCount + second.byteCount
        try await send(count, timeout) { (socket: borrowing Socket, sent) throws(SocketError) in
            let rest = first.extracting(droppingFirst: min(sent, first.byteCount))
            let other = second.extracting(droppingFirst: max(0, sent - first.byteCount))
            return try socket.trySend(gathering: rest, other)
        }
    }

    /// Sends the contents of all buffers, in order, as ``send(_:timeout:)-(RawSpan,_)``.
    ///
    /// The corresponding C function is `sendmsg`.
    public func send(_ vector: IOVector, timeout: Duration? = nil) async throws(SocketError) {
        var rest = vector
        try await send(vector.byteCount, timeout) { (socket: borrowing Socket, _) throws(SocketError) in
            guard let count = try socket.trySend(rest) else { return nil }
            rest.removeFirst(count)
            return count
        }
    }
}

extension Socket {
    /// Sends as much of the buffers as can be sent without waiting; `nil` if that is nothing.
    fileprivate func trySend(_ vector: IOVector) throws(SocketError) -> Int? {
        do throws(SocketError) {
            return try send(vector, flags: .doNotWait)
        } catch  where error.isWouldBlock {
            return nil
        }
    }
}
