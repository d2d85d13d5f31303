// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Sockets

extension Connection {
    /// Receives what has arrived, at least one byte and at most the buffer's free capacity, and appends it; waits until
    /// there is something.
    ///
    /// - Parameters:
    ///   - buffer: Where to append.
    ///   - timeout: How long to wait; `nil` for ever. Zero takes what has arrived already.
    /// - Returns: The number of bytes; 0 at the end of the stream, or at once when the buffer is full.
    /// - Throws: `SocketError`, naming the peer: `ETIMEDOUT` when this or another time is over, `ECONNRESET` when the
    ///   peer has reset the connection, `SocketError.Reason.cancelled`, `SocketError.Reason.closed`, or
    ///   `SocketError.Reason.inUse` if another task is receiving.
    ///
    /// The corresponding C function is `recv`.
    public func receive(
        into buffer: inout OutputRawSpan, timeout: Duration? = nil
    ) async throws(SocketError) -> Int {
        let room = buffer.freeCapacity
        return try await receive(most: room, timeout) { (socket: borrowing Socket) throws(SocketError) in
            try socket.tryReceive(into: &buffer)
        }
    }

    /// Receives what has arrived and appends it, as ``receive(into:timeout:)-(OutputRawSpan,_)``.
    public func receive(
        into buffer: inout OutputSpan<UInt8>, timeout: Duration? = nil
    ) async throws(SocketError) -> Int {
        let room = buffer.freeCapacity
        return try await receive(most: room, timeout) { (socket: borrowing Socket) throws(SocketError) in
            try socket.tryReceive(into: &buffer)
        }
    }

    /// Receives what has arrived and appends it to an array, as ``receive(into:timeout:)-(OutputRawSpan,_)``.
    ///
    /// An array that has room for as much, and is nobody else's, is filled without allocating.
    ///
    /// - Parameters:
    ///   - bytes: Where to append.
    ///   - limit: The most bytes to receive, 0 or more. Beyond what the array has room for, one call takes at most a
    ///     mebibyte.
    ///   - timeout: How long to wait; `nil` for ever. Zero takes what has arrived already.
    public func receive(
        into bytes: inout [UInt8], upTo limit: Int, timeout: Duration? = nil
    ) async throws(SocketError) -> Int {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        let room = bytes.room(upTo: limit)
        return try await receive(most: room, timeout) { (socket: borrowing Socket) throws(SocketError) in
            try socket.tryReceive(appendingTo: &bytes, upTo: room)
        }
    }

    /// Looks at what has arrived without taking it: the next receive gets it again. Waits until there is something, or
    /// more than an earlier look has shown.
    ///
    /// - Parameters:
    ///   - limit: The most bytes to look at, 0 or more; more than a mebibyte is as much.
    ///   - count: How many bytes are known already: waits until there are more.
    ///   - timeout: How long to wait; `nil` for ever.
    /// - Returns: At most `limit` bytes, which begin with those that are known. At the end of the stream, these alone;
    ///   so are they if `limit` is not above `count`.
    /// - Throws: `SocketError` as ``receive(into:timeout:)-(OutputRawSpan,_)``.
    ///
    /// The corresponding C function is `recv`, with `MSG_PEEK`.
    public func peek(
        upTo limit: Int, beyond count: Int = 0, timeout: Duration? = nil
    ) async throws(SocketError) -> [UInt8] {
        guard limit >= 0, count >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        var bytes: [UInt8] = []
        let room = bytes.room(upTo: limit)
        _ = try await receive(most: room, timeout) { (socket: borrowing Socket) throws(SocketError) in
            // Before the look: what comes between the two is seen by it.
            let isWhole = count == 0 ? false : try !socket.wait(for: .peerHalfClosed, timeout: .zero).isEmpty
            guard let peeked = try socket.tryReceive(upTo: room, flags: .peek) else { return nil }
            let isNews = peeked.count > count || peeked.count == room || peeked.isEmpty
            // More makes another event, though what is there was not taken.
            guard isNews || isWhole else { return nil }
            bytes = peeked
            // All of it is still there.
            return room
        }
        return bytes
    }

    /// Calls `attempt` until it has received something or the end.
    ///
    /// - Parameter limit: The most bytes that `attempt` can receive. When it does, there may be more.
    @inline(__always)
    private func receive(
        most limit: Int, _ timeout: Duration?, _ attempt: (borrowing Socket) throws(SocketError) -> Int?
    ) async throws(SocketError) -> Int {
        var patience = Patience(.receive, timeout)
        do throws(SocketError) {
            try channel.enter(.receiving, .receive)
            defer { channel.leave(.receiving) }
            if limit == 0 { return 0 }
            try await willReceive(&patience)
            while true {
                if let count = try attempt(channel.socket) {
                    channel.received(leavesMore: count == limit)
                    return count
                }
                try await channel.wait(.receiving, &patience)
            }
        } catch {
            throw failed(error)
        }
    }

    /// Before the first system call: lets others run if no call has waited for long, and waits if no event has told of
    /// anything, unless the time is over: then what has arrived meanwhile is taken all the same.
    @inline(__always)
    private func willReceive(_ patience: inout Patience) async throws(SocketError) {
        if channel.isGreedy { try await channel.yield(&patience) }
        if !channel.reader.takeReady(), !channel.mustNotWait(patience) {
            try await channel.wait(.receiving, &patience)
        }
    }

    /// After an error, which names the peer. What is there will make no event again, so the next call has to look.
    private func failed(_ error: SocketError) -> SocketError {
        channel.reader.wake()
        return named(error)
    }
}

extension [UInt8] {
    /// How many bytes to receive into the array at most: no memory is taken for a large limit before as much has come.
    @inline(__always)
    func room(upTo limit: Int) -> Int {
        limit <= 1 << 20 ? limit : Swift.min(limit, Swift.max(capacity - count, 1 << 20))
    }
}

extension Socket {
    /// Receives what has arrived and appends it to an array.
    ///
    /// - Returns: The number of bytes, 0 at the end of a stream, or `nil` if nothing has arrived.
    @inline(__always)
    func tryReceive(
        appendingTo bytes: inout [UInt8], upTo limit: Int
    ) throws(SocketError) -> Int? {
        var received: Int?
        try bytes.append(addingCapacity: limit) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            received = try tryReceive(into: &buffer)
        }
        return received
    }
}
