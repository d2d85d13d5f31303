// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// A connection that was accepted, and who is at its other end.
@frozen
public struct AcceptedConnection: ~Copyable, Sendable {
    /// The connection.
    public let socket: Socket
    /// The address of the peer.
    public let peer: SocketAddress

    init(socket: consuming Socket, peer: SocketAddress) {
        self.socket = socket
        self.peer = peer
    }
}

extension Socket {
    /// A backlog larger than any system's limit, so that the system's own maximum holds (`net.core.somaxconn`).
    public static let maximumBacklog = Int(Int32.max)

    /// Creates a stream socket that listens on an address.
    ///
    /// The socket of an IP family gets `SO_REUSEADDR`, so that a restarted server need not wait for the old one's
    /// last connections to be forgotten. An IPv6 socket gets `IPV6_V6ONLY` as ``ListenOptions/ipv6Wildcard`` says if
    /// its address is `::`, so that the system's setting for it makes no difference. A Unix socket's file must not
    /// exist yet.
    ///
    /// - Parameters:
    ///   - address: Where to listen. Port 0 asks for a free port: see ``localAddress``.
    ///   - options: How to listen.
    ///   - mode: Whether the listener's calls wait.
    ///   - prepare: Called with the socket before it is bound, to set the options that it needs from its beginning.
    /// - Throws: `SocketError`, naming the address, when it is in use (`EADDRINUSE`), not of this machine
    ///   (`EADDRNOTAVAIL`), not permitted (`EACCES`) and so on; also what `prepare` throws. A socket that failed to
    ///   bind never listens, and a Unix socket's file that does not get its mode or owner is removed again.
    ///
    /// The corresponding C functions are `socket`, `bind` and `listen`.
    public static func listen(
        on address: SocketAddress, options: ListenOptions = ListenOptions(), mode: BlockingMode = .blocking,
        preparing prepare: (borrowing Socket) throws(SocketError) -> Void = { _ in }
    ) throws(SocketError) -> Socket {
        let backlog = try checkedBacklog(options.backlog)
        let socket = try Socket(address.family, .stream, mode: mode)
        if address.ip != nil {
            try socket.set(.reuseAddress, to: true)
            if options.portSharing == .shared { try socket.set(.reusePort, to: true) }
        }
        if case .ipv6(let ip, port: _, scope: _, flowInfo: _) = address {
            // A mapped address is an IPv4 one, to which an IPv6-only socket cannot be bound.
            let isDualStack = ip.ipv4Mapped != nil || (ip == .any && options.ipv6Wildcard == .dualStack)
            try socket.set(.ipv6Only, to: !isDualStack)
        }
        try prepare(socket)
        if case .unix(let name) = address, options.unixFile != ListenOptions.UnixFile() {
            try socket.bind(to: name, as: options.unixFile)
        } else {
            try socket.bind(to: address)
        }
        switch System.listen(socket.descriptor, backlog: backlog) {
        case .success: return socket
        case .failure(let errno): throw SocketError(.listen, .system(errno), subject: .address(address))
        }
    }

    /// Creates a stream socket that listens on an address, with the other ``ListenOptions`` as they are by default:
    /// ``listen(on:options:mode:preparing:)``.
    ///
    /// - Parameters:
    ///   - address: Where to listen. Port 0 asks for a free port: see ``localAddress``.
    ///   - backlog: How many connections may wait to be accepted; the system cuts it to its own maximum.
    ///   - mode: Whether the listener's calls wait.
    public static func listen(
        on address: SocketAddress, backlog: Int, mode: BlockingMode = .blocking
    ) throws(SocketError) -> Socket {
        try listen(on: address, options: ListenOptions(backlog: backlog), mode: mode)
    }

    /// Gives the socket its own address.
    ///
    /// - Parameter address: Port 0 asks for any free port, ``UnixAddress/unnamed`` for any free abstract name.
    /// - Throws: `SocketError`, naming the address.
    ///
    /// The corresponding C function is `bind`.
    public func bind(to address: SocketAddress) throws(SocketError) {
        try checked(.bind, System.bind(descriptor, address), subject: .address(address))
    }

    /// Makes the socket accept connections.
    ///
    /// A TCP socket that was not bound is bound by the system to a random port on **all** addresses, so never listen
    /// after a failed ``bind(to:)``.
    ///
    /// - Parameter backlog: How many connections may wait to be accepted; the system cuts it to its own maximum.
    /// - Throws: `SocketError`; a negative backlog is refused without a system call.
    ///
    /// The corresponding C function is `listen`.
    public func listen(backlog: Int = maximumBacklog) throws(SocketError) {
        try checked(.listen, System.listen(descriptor, backlog: try Self.checkedBacklog(backlog)))
    }

    /// Waits for a connection and takes it.
    ///
    /// - Parameters:
    ///   - mode: Whether the new socket's calls wait. It does not inherit the listener's mode.
    ///   - retryOnInterrupt: Whether to go on waiting when a signal interrupts the call; otherwise it throws `EINTR`.
    /// - Returns: The connection.
    /// - Throws: `SocketError`; one with ``SocketError/isWouldBlock`` when the listener is non-blocking and nobody
    ///   waits. A connection that was aborted while it waited (`ECONNABORTED`) and a lack of descriptors (`EMFILE`)
    ///   are errors after which accepting can go on.
    ///
    /// The corresponding C function is `accept4`.
    public func accept(mode: BlockingMode = .blocking, retryOnInterrupt: Bool = true) throws(SocketError) -> Socket {
        let accepted = try checked(.accept, System.accept(descriptor, mode, retryOnInterrupt: retryOnInterrupt))
        return Socket(adopting: accepted.0)
    }

    /// Waits for a connection and takes it, and tells who it is from, as ``accept(mode:retryOnInterrupt:)``.
    ///
    /// - Returns: The connection and its peer's address.
    public func acceptWithPeer(
        mode: BlockingMode = .blocking, retryOnInterrupt: Bool = true
    ) throws(SocketError) -> AcceptedConnection {
        let accepted = try checked(.accept, System.accept(descriptor, mode, retryOnInterrupt: retryOnInterrupt))
        return AcceptedConnection(socket: Socket(adopting: accepted.0), peer: accepted.1)
    }

    /// Takes a connection from a non-blocking listener if one waits.
    ///
    /// - Parameter mode: Whether the new socket's calls wait.
    /// - Returns: The connection and its peer's address, or `nil` if nobody waits.
    /// - Throws: `SocketError` as ``accept(mode:retryOnInterrupt:)``, but never for would-block.
    ///
    /// The corresponding C function is `accept4`.
    public func tryAccept(mode: BlockingMode = .blocking) throws(SocketError) -> AcceptedConnection? {
        let result = System.accept(descriptor, mode, retryOnInterrupt: true)
        guard let accepted = try checkedUnlessWouldBlock(.accept, result) else { return nil }
        return AcceptedConnection(socket: Socket(adopting: accepted.0), peer: accepted.1)
    }

    static func checkedBacklog(_ backlog: Int) throws(SocketError) -> Int32 {
        guard backlog >= 0 else { throw SocketError(.listen, .invalid(.negative)) }
        return Int32(clamping: backlog)
    }
}
