// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

internal import Sockets

/// Gives a socket its address.
///
/// - Parameters:
///   - socket: The socket.
///   - address: An IP address or a host's name; for ``AF_UNIX`` a path, which must not exist yet, or nothing for a name
///     that the system chooses.
///   - port: The port; 0 for a free one.
/// - Returns: Whether the system did it.
/// - Throws: ``PHPError`` for a port outside 0 to 65535, a path or an abstract name with its zero byte of more than 108
///   bytes, or a closed socket.
public func socket_bind(
    _ socket: PHPSocket, _ address: some PHPStringConvertible, _ port: Int = 0
) throws(PHPError) -> Bool {
    let function = "socket_bind"
    try socket.requireOpen(function)
    let endpoint = try PHPEndpoint(function, socket, address.phpString, port: port, positions: (2, 3))
    return try socket.succeeds(function, "Unable to bind address") { socket throws(SocketError) in
        try socket.bind(to: endpoint.resolved())
    }
}

/// Makes a socket accept connections.
///
/// - Parameters:
///   - socket: A stream socket that is bound.
///   - backlog: How many connections may wait to be accepted. PHP's default is 0, which loses connections; here it is
///     as many as the system allows.
/// - Returns: Whether the system did it.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_listen(_ socket: PHPSocket, _ backlog: Int = SOMAXCONN) throws(PHPError) -> Bool {
    try socket.succeeds("socket_listen", "unable to listen on socket") { socket throws(SocketError) in
        try socket.listen(backlog: clamped(backlog))
    }
}

/// Waits for a connection and takes it.
///
/// - Returns: The connection, blocking whatever the listener is; `nil`, silently if the call would have had to wait,
///   otherwise with a warning.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_accept(_ socket: PHPSocket) throws(PHPError) -> PHPSocket? {
    try socket.call("socket_accept", "unable to accept incoming connection") { listener throws(SocketError) in
        let accepted = try listener.accept(retryOnInterrupt: false)
        return PHPSocket(accepted, family: socket.family)
    }
}

/// Connects a socket to an address. A datagram socket merely remembers it.
///
/// - Parameters:
///   - socket: The socket.
///   - address: An IP address, a host's name, or a Unix socket's path.
///   - port: The port, for ``AF_INET`` and ``AF_INET6``.
/// - Returns: Whether it is connected. A socket that the system would connect to itself, as it can where nobody listens
///   on a port of this machine, is refused (``SOCKET_ECONNREFUSED``), which PHP does not look for. A non-blocking
///   socket is not yet, silently, with ``SOCKET_EINPROGRESS``: wait for it with ``socket_select(_:_:_:_:_:)`` until it
///   is writable, and ask for ``SO_ERROR``.
/// - Throws: ``PHPError`` if the port is missing or outside 0 to 65535, the path of more than 108 bytes, or the socket
///   closed.
public func socket_connect(
    _ socket: PHPSocket, _ address: some PHPStringConvertible, _ port: Int? = nil
) throws(PHPError) -> Bool {
    let function = "socket_connect"
    try socket.requireOpen(function)
    let endpoint = try PHPEndpoint(function, socket, address.phpString, port: port, positions: (2, 3))
    return try socket.succeeds(function, "unable to connect") { socket throws(SocketError) in
        try socket.connect(to: endpoint.resolved(), retryOnInterrupt: false)
    }
}

/// Tells a socket's own address.
///
/// - Parameters:
///   - socket: The socket.
///   - address: Becomes the IP address, the path, or an abstract name behind a zero byte, which is what
///     ``socket_connect(_:_:_:)`` takes (PHP gives nothing for an abstract name); empty for a Unix socket without one.
///     A ``PHPString`` holds any such name, text only one that is UTF-8.
///   - port: Becomes the port; stays as it is for a Unix socket.
/// - Returns: Whether the system told. If not, the arguments stay as they are.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_getsockname(
    _ socket: PHPSocket, _ address: inout some PHPStringConvertible, _ port: inout Int
) throws(PHPError) -> Bool {
    let found = try socket.call("socket_getsockname", "unable to retrieve socket name") { socket throws(SocketError) in
        try socket.localAddress
    }
    return tell(found, &address, &port)
}

/// Tells a socket's own address, as ``socket_getsockname(_:_:_:)``.
public func socket_getsockname(_ socket: PHPSocket, _ address: inout some PHPStringConvertible) throws(PHPError) -> Bool
{
    var port = 0
    return try socket_getsockname(socket, &address, &port)
}

/// Tells the address of a socket's peer, as ``socket_getsockname(_:_:_:)`` does the socket's own.
public func socket_getpeername(
    _ socket: PHPSocket, _ address: inout some PHPStringConvertible, _ port: inout Int
) throws(PHPError) -> Bool {
    let found = try socket.call("socket_getpeername", "unable to retrieve peer name") { socket throws(SocketError) in
        try socket.peerAddress
    }
    return tell(found, &address, &port)
}

/// Tells the address of a socket's peer, as ``socket_getpeername(_:_:_:)``.
public func socket_getpeername(_ socket: PHPSocket, _ address: inout some PHPStringConvertible) throws(PHPError) -> Bool
{
    var port = 0
    return try socket_getpeername(socket, &address, &port)
}

private func tell(_ found: SocketAddress?, _ address: inout some PHPStringConvertible, _ port: inout Int) -> Bool {
    guard let found else { return false }
    set(&address, to: found)
    if let number = found.port { port = Int(number) }
    return true
}

/// Gives a string that the caller has passed the address, as its own type has it.
func set<Text: PHPStringConvertible>(_ text: inout Text, to address: SocketAddress) {
    text = Text(phpString: PHPAddress.string(address))
}
