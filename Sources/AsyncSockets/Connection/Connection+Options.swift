// SPDX-License-Identifier: Apache-2.0

public import Sockets

extension Connection {
    /// The own address.
    ///
    /// The corresponding C function is `getsockname`.
    public var localAddress: SocketAddress {
        get throws(SocketError) {
            try channel.withSocket(.localAddress) { socket throws(SocketError) in try socket.localAddress }
        }
    }

    /// Reads an option of the socket.
    public func get<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try channel.withSocket(.getOption) { socket throws(SocketError) in try socket.get(option) }
    }

    /// Reads an option of the socket.
    public func get<Value>(_ option: ReadOnlySocketOption<Value>) throws(SocketError) -> Value {
        try channel.withSocket(.getOption) { socket throws(SocketError) in try socket.get(option) }
    }

    /// Sets an option of the socket.
    ///
    /// `SocketOption.linger` with a time does not make ``close()`` wait: see there.
    public func set<Value>(_ option: SocketOption<Value>, to value: Value) throws(SocketError) {
        if option.name == SocketOption<Linger>.linger.name { channel.use.set(.mayLinger) }
        try channel.withSocket(.setOption) { socket throws(SocketError) in try socket.set(option, to: value) }
    }

    /// Calls `body` with the socket, for what a connection has no function of its own for. It must not wait, and must
    /// neither receive nor send.
    ///
    /// - Throws: What `body` throws, or `SocketError` if the connection is closed.
    public func withSocket<Result: ~Copyable>(
        _ body: (borrowing Socket) throws(SocketError) -> Result
    ) throws(SocketError) -> Result {
        channel.use.set(.mayLinger)
        return try channel.withSocket(.lend, body)
    }

    /// Who is at the other end of a Unix domain connection: the process, user and group that connected, or that
    /// listened, at that time.
    ///
    /// - Throws: `SocketError`.
    ///
    /// The corresponding C function is `getsockopt` with `SO_PEERCRED`.
    public var peerCredentials: Credentials {
        get throws(SocketError) { try get(.peerCredentials) }
    }

    /// How TCP finds out that the peer has vanished without a word.
    public typealias KeepAlive = Sockets.KeepAlive

    /// Makes TCP find out when the peer has vanished; calls then fail with `ETIMEDOUT`.
    ///
    /// - Throws: `SocketError`, also for a Unix domain connection, whose peer cannot vanish unnoticed.
    ///
    /// The corresponding C function is `setsockopt` with `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`,
    /// `TCP_USER_TIMEOUT` and `SO_KEEPALIVE`.
    public func set(_ keepAlive: KeepAlive) throws(SocketError) {
        try channel.withSocket(.setOption) { socket throws(SocketError) in try socket.set(keepAlive) }
    }

    /// How long a call waits while no byte moves in either direction, before it gives up with `ETIMEDOUT`; `nil` for
    /// ever.
    ///
    /// Only the time in which a call waits counts.
    public func setIdleTimeout(_ timeout: Duration?) {
        channel.setIdleLimit(timeout)
    }

    /// After what time from now every call gives up with `ETIMEDOUT` when it would have to wait; `nil` for never.
    public func setTotalTimeout(_ timeout: Duration?) {
        channel.setTotalLimit(timeout)
    }
}
