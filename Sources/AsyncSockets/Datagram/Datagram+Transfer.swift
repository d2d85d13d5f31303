// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

extension Datagram {
    /// Receives a datagram and appends its bytes to the buffer; waits until there is one.
    ///
    /// - Parameters:
    ///   - buffer: Where to append. What does not fit is lost: see `ReceivedDatagram.isTruncated`.
    ///   - timeout: How long to wait; `nil` for ever.
    /// - Returns: What there is to say of the datagram.
    /// - Throws: `SocketError`: `ECONNREFUSED` when a connected socket's peer has said that nobody receives there,
    ///   `ETIMEDOUT`, `SocketError.Reason.cancelled`, `SocketError.Reason.closed`, `SocketError.Reason.inUse`.
    ///
    /// The corresponding C function is `recvmsg`.
    public func receive(
        into buffer: inout OutputRawSpan, timeout: Duration? = nil
    ) async throws(SocketError) -> ReceivedDatagram {
        var patience = Patience(.receive, timeout)
        try channel.enter(.receiving, .receive)
        defer { channel.leave(.receiving) }
        if channel.isGreedy { try await channel.yield(&patience) }
        while true {
            if let datagram = try channel.socket.tryReceiveFrom(into: &buffer) { return datagram }
            try await channel.wait(.receiving, &patience)
        }
    }

    /// Receives a datagram of at most so many bytes, as ``receive(into:timeout:)``.
    ///
    /// - Parameters:
    ///   - limit: The most bytes, 0 or more. Memory for more than 65,536 is taken only as far as the datagram needs it.
    ///   - timeout: How long to wait; `nil` for ever. Zero takes a datagram that has arrived already.
    public func receive(
        upTo limit: Int, timeout: Duration? = nil
    ) async throws(SocketError) -> (bytes: [UInt8], datagram: ReceivedDatagram) {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        var patience = Patience(.receive, timeout)
        try channel.enter(.receiving, .receive)
        defer { channel.leave(.receiving) }
        if channel.isGreedy { try await channel.yield(&patience) }
        while true {
            if let received = try channel.socket.tryReceiveFrom(upTo: limit) { return received }
            try await channel.wait(.receiving, &patience)
        }
    }

    /// Sends a datagram to an address, and returns when the kernel has taken it.
    ///
    /// - Throws: `SocketError`, naming the address: `EMSGSIZE` if it is too long, `ETIMEDOUT`,
    ///   `SocketError.Reason.cancelled`, `SocketError.Reason.closed` and so on.
    ///
    /// The corresponding C function is `sendto`.
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, timeout: Duration? = nil
    ) async throws(SocketError) {
        var patience = Patience(.send, timeout)
        try await channel.beginSending(&patience)
        defer { channel.endSending() }
        if channel.isGreedy { try await channel.yield(&patience) }
        var pause: Duration = .milliseconds(1)
        while try channel.socket.trySend(bytes, to: address) == nil {
            if case .unix = address {
                // Not the own buffer is full but the receiver's, of which no event tells; each attempt makes one that
                // says nothing. So it is tried again in a while.
                patience.hasTried = true
                if patience.isOver {
                    throw SocketError(.send, .system(.timedOut), subject: .address(address))
                }
                try? await channel.loop.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(100))
                try await channel.yield(&patience)
            } else {
                try await channel.wait(.sending, &patience)
            }
        }
    }

    /// Sends a datagram to the address that the socket is connected to, as ``send(_:to:timeout:)-(RawSpan,_,_)``.
    ///
    /// The corresponding C function is `send`.
    public func send(_ bytes: RawSpan, timeout: Duration? = nil) async throws(SocketError) {
        var patience = Patience(.send, timeout)
        try await channel.beginSending(&patience)
        defer { channel.endSending() }
        if channel.isGreedy { try await channel.yield(&patience) }
        while try channel.socket.trySend(bytes) == nil {
            try await channel.wait(.sending, &patience)
        }
    }

    /// Sends a datagram to an address, as ``send(_:to:timeout:)-(RawSpan,_,_)``.
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, timeout: Duration? = nil
    ) async throws(SocketError) {
        // SAFETY: reading initialised UInt8s as raw bytes; the array is borrowed for the call.
        try await send(unsafe bytes.span.bytes, to: address, timeout: timeout)
    }

    /// Sends a datagram to the address that the socket is connected to, as ``send(_:timeout:)-(RawSpan,_)``.
    public func send(_ bytes: [UInt8], timeout: Duration? = nil) async throws(SocketError) {
        // SAFETY: reading initialised UInt8s as raw bytes; the array is borrowed for the call.
        try await send(unsafe bytes.span.bytes, timeout: timeout)
    }
}

extension Socket {
    /// Receives a datagram of at most so many bytes if one has arrived.
    fileprivate func tryReceiveFrom(
        upTo limit: Int
    ) throws(SocketError) -> (bytes: [UInt8], datagram: ReceivedDatagram)? {
        var room = limit
        if room > 65_536 {
            guard let length = try nextDatagramLength() else { return nil }
            room = min(room, length)
        }
        var datagram: ReceivedDatagram?
        let bytes = try [UInt8](capacity: room) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            datagram = try tryReceiveFrom(into: &buffer)
        }
        return datagram.map { (bytes, $0) }
    }

    /// The length of the datagram that is received next; `nil` if none has arrived.
    private func nextDatagramLength() throws(SocketError) -> Int? {
        var length: Int?
        _ = try [UInt8](capacity: 0) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            length = try tryReceive(into: &buffer, flags: [.peek, .realLength])
        }
        return length
    }
}
