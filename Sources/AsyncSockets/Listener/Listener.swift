// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import Synchronization

/// A stream socket that accepts connections, on an event loop: `listen(2)` and `accept(2)`.
///
/// ```swift
/// let listener = try await Listener.bind(toHost: "localhost", port: 8080)
/// try await listener.serve { connection in
///     var reader = BufferedReader(connection)
///     while let line = try await reader.receiveLine(limit: 1024) {
///         try await connection.send("You said: \(String(decoding: line, as: UTF8.self))\n")
///     }
/// }
/// ```
///
/// TCP connections get `TCP_NODELAY`: what is sent leaves at once.
public final class Listener: Sendable {
    let channel: Channel
    private let files: [UnixSocketFile]
    /// Where the listener listens; several addresses if the host has several.
    public let addresses: [SocketAddress]
    /// Makes ``serve(_:onError:handler:)`` stop gracefully.
    let isStopping = Atomic(false)

    /// Where the listener listens: the first address.
    public var address: SocketAddress { addresses[0] }

    /// The loop that waits for connections.
    public var loop: EventLoop { channel.loop }

    init(_ channel: Channel, _ addresses: [SocketAddress], files: [UnixSocketFile] = []) {
        self.channel = channel
        self.addresses = addresses
        self.files = files
    }

    deinit {
        close()
    }

    /// Closes the listener, and removes the files of its Unix domain sockets.
    ///
    /// Connections that were not accepted yet are reset. A task that waits in ``accept(timeout:)`` gets
    /// `SocketError.Reason.closed`. Closing twice does nothing.
    public func close() {
        // First, so that nobody is sent to a socket that no longer answers.
        if !channel.use.has(.closed) { files.forEach { $0.remove() } }
        channel.close()
    }

    // MARK: Accepting

    /// Waits for a connection and takes it.
    ///
    /// While there is no descriptor for it (`EMFILE`), this waits and tries again; the process's last few are left to
    /// its other parts. One task at a time may accept.
    ///
    /// - Parameter timeout: How long to wait; `nil` for ever. Zero takes a connection that is there already.
    /// - Throws: `SocketError`: `SocketError.Reason.cancelled`, `SocketError.Reason.closed`, `ETIMEDOUT`,
    ///   `SocketError.Reason.inUse`, or what is wrong with the listening socket itself (`EINVAL`: it was shut down), or
    ///   a sandbox's refusal (`EPERM`, `ENOSYS`).
    ///
    /// The corresponding C function is `accept4`.
    public func accept(timeout: Duration? = nil) async throws(SocketError) -> Connection {
        var patience = Patience(.accept, timeout)
        try channel.enter(.receiving, .accept)
        defer { channel.leave(.receiving) }
        while true {
            do throws(SocketError) {
                if let connection = try acceptNow(on: loop) { return connection }
            } catch {
                guard error.isLackOfResources else { throw error }
                try await pauseAccepting(&patience)
                continue
            }
            try await channel.wait(.receiving, &patience)
        }
    }

    /// Takes a connection if there is one.
    ///
    /// - Parameter loop: The loop for the connection; asked for only if there is one.
    /// - Throws: `SocketError` if the system has no room for one more: the connection stays where it is, and no event
    ///   will tell of it again. Also what is wrong with the listening socket itself.
    func acceptNow(on loop: @autoclosure () -> EventLoop) throws(SocketError) -> Connection? {
        try DescriptorLimit.check(with: channel[0])
        var index = 0
        var failureCount = 0
        while index < channel.count {
            do throws(SocketError) {
                if let accepted = try channel[index].tryAccept() {
                    DescriptorLimit.got(accepted.socket)
                    let peer = accepted.peer
                    let connection = Connection(accepted.socket, peer: peer, on: loop())
                    // They inherit it.
                    if channel.use.has(.mayLinger) { connection.channel.use.set(.mayLinger) }
                    return connection
                }
                index += 1
            } catch {
                // One that comes again and again is the socket's own, whatever its number is: nothing may spin here.
                failureCount += 1
                guard error.isOfTheAcceptedConnection, failureCount < Self.failureLimit else { throw error }
            }
        }
        return nil
    }

    /// The most connections that may be gone in a row before they are accepted.
    private static let failureLimit = 1024

    /// Waits until there may be a descriptor again: there is no event for that.
    func pauseAccepting(_ patience: inout Patience) async throws(SocketError) {
        let timer = loop.addTimer(at: LoopThread.now() + Duration.milliseconds(100).nanoseconds, .wake(channel))
        defer { loop.cancelTimer(timer) }
        try await channel.wait(.receiving, &patience)
    }

    /// The connections, one after another, without an end: the sequence ends by an error, such as
    /// `SocketError.Reason.closed`.
    public var connections: Connections { Connections(listener: self) }

    /// The connections of a ``Listener``.
    public struct Connections: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let listener: Listener

        /// The sequence is its own iterator.
        public func makeAsyncIterator() -> Connections { self }

        /// Waits for the next connection.
        public func next() async throws(SocketError) -> Connection? {
            try await listener.accept()
        }

        /// Waits for the next connection.
        public func next(isolation actor: isolated (any Actor)?) async throws(SocketError) -> Connection? {
            try await listener.accept()
        }
    }
}
