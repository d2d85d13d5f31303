// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

/// A connected stream socket on an event loop: `tcp(7)`, or a Unix domain stream.
///
/// ```swift
/// let connection = try await Connection.connect(toHost: "localhost", port: 11300)
/// try await connection.send("stats\r\n")
/// let reply = try await connection.receive(upTo: 4096)
/// connection.close()
/// ```
///
/// A connection may be shared and used from any task, thread or actor. One task at a time may receive; several may
/// send, each in its turn, and their bytes do not mix. A call that waits ends with an error of its own when its task is
/// cancelled, when its time is over, and when the connection is closed.
///
/// A connection that nobody holds any more closes itself. It works best when the tasks that use it prefer its loop, as
/// those of ``Listener/serve(_:onError:handler:)`` do: then no call leaves the loop's thread.
public final class Connection: ByteStream {
    let channel: Channel
    /// The address of the other end, as it was when the connection was made.
    public let peerAddress: SocketAddress

    /// The loop that waits for the connection.
    public var loop: EventLoop { channel.loop }

    init(_ socket: consuming Socket, peer: SocketAddress, on loop: EventLoop) {
        channel = Channel(socket, on: loop)
        peerAddress = peer
        // What comes with descriptors is received by itself.
        if case .unix = peer { channel.use.set(.shortReceivesLeaveMore) }
    }

    /// Takes over a connected stream socket.
    ///
    /// - Parameters:
    ///   - socket: The socket, in either blocking mode.
    ///   - loop: The loop that is to wait for it.
    /// - Throws: `SocketError`: `ENOTCONN` if the socket is not connected.
    public convenience init(adopting socket: consuming Socket, on loop: EventLoop) throws(SocketError) {
        let peer = try socket.peerAddress
        self.init(socket, peer: peer, on: loop)
        channel.use.set(.mayLinger)
    }

    deinit {
        channel.close()
    }

    /// Two connections that are connected to each other.
    ///
    /// - Throws: `SocketError` when the system refuses.
    ///
    /// The corresponding C function is `socketpair`.
    public static func pair(on loop: EventLoop) throws(SocketError) -> (Connection, Connection) {
        let pair = try Socket.pair()
        let first = Connection(pair.first, peer: .unix(.unnamed), on: loop)
        let second = Connection(pair.second, peer: .unix(.unnamed), on: loop)
        return (first, second)
    }

    // MARK: The end

    /// Closes the connection.
    ///
    /// Calls that wait on it end with `SocketError.Reason.closed`. What was sent is still delivered, unless there is
    /// input that was not received: then TCP resets the connection, and the peer may lose what it has not read yet; see
    /// ``finish(discarding:timeout:)``. Closing twice does nothing.
    ///
    /// This never waits, on no account: where `SO_LINGER` is set to wait for delivery, it is turned off first, and the
    /// system delivers in the background. To know that the peer has everything, wait for its answer, or for the end of
    /// its stream after ``finishSending()``.
    ///
    /// The corresponding C function is `close`.
    public func close() {
        channel.close()
    }

    /// Whether the connection was closed on this side.
    public var isClosed: Bool { channel.use.has(.closed) }

    /// Ends one or both halves.
    ///
    /// - Throws: `SocketError`: `ENOTCONN` when the connection is gone already.
    ///
    /// The corresponding C function is `shutdown`.
    public func shutdown(_ mode: ShutdownMode) throws(SocketError) {
        try channel.withSocket(.shutdown) { socket throws(SocketError) in try socket.shutdown(mode) }
    }

    /// Ends the sending half: the peer receives the end of the stream, and can still send.
    public func finishSending() throws(SocketError) {
        try shutdown(.sending)
    }

    /// Closes the connection so that the peer gets all that was sent, even if it has sent more than was received here.
    ///
    /// Closing with unread input resets a TCP connection, and the peer can lose the reply it was sent. So this ends the
    /// sending half, throws away what still comes until the peer closes, and closes then.
    ///
    /// - Parameters:
    ///   - limit: How many bytes to throw away at most; none for 0 or less.
    ///   - timeout: How long to take for it at most; with zero, what has arrived already is thrown away.
    /// - Throws: `SocketError` of receiving; the connection is closed all the same. A peer that is gone, or that does
    ///   not close in time, is no error.
    public func finish(discarding limit: Int = 1 << 26, timeout: Duration = .seconds(10)) async throws(SocketError) {
        defer { close() }
        do throws(SocketError) {
            try finishSending()
            let deadline = LoopThread.now() + timeout.nanoseconds
            var discarded = 0
            var lateCount = 0
            var bytes: [UInt8] = []
            while discarded < limit {
                let left = Duration.nanoseconds(deadline - LoopThread.now())
                // What had arrived by then is received; a peer that sends on and on is not waited for.
                if left <= .zero { lateCount += 1 }
                if lateCount > 512 { return }
                let count = try await receive(into: &bytes, upTo: 16_384, timeout: left)
                if count == 0 { return }
                discarded += count
                bytes.removeAll(keepingCapacity: true)
            }
        } catch {
            switch error.errno {
            case .connectionReset, .socketNotConnected, .timedOut, .brokenPipe: return
            default: throw error
            }
        }
    }

    /// Ends the connection at once: what was sent and not yet delivered is thrown away, and the peer gets an error
    /// (`ECONNRESET`). A Unix domain connection is merely closed.
    ///
    /// - Throws: `SocketError` if it is closed already.
    ///
    /// The corresponding C functions are `setsockopt` with `SO_LINGER`, and `close`.
    public func reset() throws(SocketError) {
        try set(.linger, to: .reset)
        close()
    }

    /// Takes the socket out of the loop, in blocking mode; the connection is closed, but the socket is not.
    ///
    /// - Throws: `SocketError`: `SocketError.Reason.inUse` while a call is under way.
    public func release() throws(SocketError) -> Socket {
        let socket = try channel.takeSocket(.release)
        try socket.setBlockingMode(.blocking)
        return socket
    }

    /// An error of a call on this connection, which names the peer.
    func named(_ error: SocketError) -> SocketError {
        guard error.subject == nil, peerAddress != .unix(.unnamed) else { return error }
        var error = error
        error.subject = .address(peerAddress)
        return error
    }
}
