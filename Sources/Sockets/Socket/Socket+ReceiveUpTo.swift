// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Receives at most so many bytes, as ``receive(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)``.
    ///
    /// The limit may be as large as it likes: memory is set aside for what has arrived. A stream gives no more than a
    /// mebibyte at a time, or the limit if that is less, unless ``ReceiveFlags/waitForAll`` asks for all.
    ///
    /// - Returns: The bytes; none at the end of a stream.
    /// - Throws: `SocketError`; a negative limit is refused without a system call.
    public func receive(
        upTo limit: Int, flags: ReceiveFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> [UInt8] {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        let room = try room(toReceive: limit, flags, retryOnInterrupt: retryOnInterrupt)
        var bytes = try [UInt8](capacity: room) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            _ = try receive(into: &buffer, flags: flags, retryOnInterrupt: retryOnInterrupt)
        }
        if flags.contains(.waitForAll), !flags.contains(.peek), bytes.count == room, room < limit {
            try receiveRest(&bytes, upTo: limit, flags, retryOnInterrupt: retryOnInterrupt)
        }
        return bytes
    }

    /// Receives at most so many bytes of what has already arrived, as ``tryReceive(into:flags:)-(OutputRawSpan,_)``.
    ///
    /// The limit may be as large as it likes, as for ``receive(upTo:flags:retryOnInterrupt:)``.
    ///
    /// - Returns: The bytes, none at the end of a stream, or `nil` if nothing has arrived.
    /// - Throws: `SocketError`; a negative limit is refused without a system call.
    public func tryReceive(upTo limit: Int, flags: ReceiveFlags = []) throws(SocketError) -> [UInt8]? {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        do throws(SocketError) {
            let room = try room(toReceive: limit, flags.union(.doNotWait), retryOnInterrupt: true)
            var hasArrived = false
            let bytes = try [UInt8](capacity: room) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
                hasArrived = try tryReceive(into: &buffer, flags: flags) != nil
            }
            return hasArrived ? bytes : nil
        } catch  where error.isWouldBlock {
            return nil
        }
    }

    /// The most memory that a call sets aside before it knows how much has arrived.
    private static var largestRoom: Int { 1 << 20 }

    /// How much memory to set aside to receive at most so many bytes, so that a stream goes on and no datagram is cut.
    ///
    /// Only beyond a mebibyte does this ask the system anything: the length of the next datagram, for which it waits as
    /// the receiving would.
    package func room(
        toReceive limit: Int, _ flags: ReceiveFlags, retryOnInterrupt: Bool
    ) throws(SocketError) -> Int {
        let enough = Self.largestRoom
        // What comes on the error queue, or out of band, is small, and is not looked at without being taken.
        if limit <= enough || !flags.isDisjoint(with: [.errorQueue, .outOfBand]) { return min(limit, enough) }
        if try get(.type) == .stream { return enough }
        var length = 0
        _ = try [UInt8](capacity: 0) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            let flags = flags.union([.peek, .realLength])
            length = try receive(into: &buffer, flags: flags, retryOnInterrupt: retryOnInterrupt)
        }
        return min(limit, max(length, enough))
    }

    /// Goes on for ``ReceiveFlags/waitForAll`` with more memory. Like the system, it returns what it has when the
    /// stream ends, or when an error occurs, which the next call reports.
    private func receiveRest(
        _ bytes: inout [UInt8], upTo limit: Int, _ flags: ReceiveFlags, retryOnInterrupt: Bool
    ) throws(SocketError) {
        let mode = try blockingMode
        let mayWait = mode == .blocking && !flags.contains(.doNotWait)
        let timeout = mayWait ? try get(.receiveTimeout) : .zero
        while bytes.count < limit {
            // Before the call and not by it, since an error is reported once, and would be lost with the bytes.
            let events = try? wait(
                for: .readable, timeout: mayWait && timeout == .zero ? nil : timeout,
                retryOnInterrupt: retryOnInterrupt)
            guard let events, !events.isEmpty, !events.contains(.error) else { return }
            let room = min(limit - bytes.count, bytes.count)
            var count = 0
            try? bytes.append(addingCapacity: room) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
                count = try receive(into: &buffer, flags: flags, retryOnInterrupt: retryOnInterrupt)
            }
            if count < room { return }
        }
    }
}
