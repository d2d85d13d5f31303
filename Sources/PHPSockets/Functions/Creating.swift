// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

internal import Sockets
internal import SystemPackage

/// Creates a socket.
///
/// - Parameters:
///   - domain: ``AF_INET``, ``AF_INET6`` or ``AF_UNIX``.
///   - type: ``SOCK_STREAM``, ``SOCK_DGRAM`` and so on.
///   - protocol: ``SOL_TCP``, ``SOL_UDP``, or 0 for the type's own.
/// - Returns: The socket, blocking; `nil`, with a warning, if the system refuses.
/// - Throws: ``PHPError`` for another domain or type.
public func socket_create(_ domain: Int, _ type: Int, _ protocol: Int) throws(PHPError) -> PHPSocket? {
    try checkKind("socket_create", domain, type)
    return created("socket_create", "Unable to create socket", family: domain) { () throws(SocketError) in
        try Socket(family(domain), socketType(type), protocol: socketProtocol(`protocol`))
    }
}

/// Creates two sockets that are connected to each other.
///
/// - Parameters:
///   - domain: ``AF_UNIX``; Linux has no others.
///   - type: ``SOCK_STREAM``, ``SOCK_DGRAM`` or ``SOCK_SEQPACKET``.
///   - protocol: 0.
///   - pair: Becomes the two sockets; stays as it is if the system refuses.
/// - Returns: Whether there is a pair.
/// - Throws: ``PHPError`` for another domain or type.
public func socket_create_pair(
    _ domain: Int, _ type: Int, _ protocol: Int, _ pair: inout [PHPSocket]
) throws(PHPError) -> Bool {
    try checkKind("socket_create_pair", domain, type)
    do throws(SocketError) {
        let made = try Socket.pair(
            socketType(type), family: family(domain), protocol: socketProtocol(`protocol`))
        pair = sockets(made, family: domain)
        return true
    } catch {
        error.report("socket_create_pair", "Unable to create socket pair")
        return false
    }
}

private func sockets(_ pair: consuming SocketPair, family: Int) -> [PHPSocket] {
    [PHPSocket(pair.first, family: family), PHPSocket(pair.second, family: family)]
}

/// Creates a TCP socket that listens on all of this machine's IPv4 addresses.
///
/// - Parameters:
///   - port: The port; 0 for a free one, which ``socket_getsockname(_:_:_:)`` tells.
///   - backlog: How many connections may wait to be accepted.
/// - Returns: The socket; `nil`, with a warning, if the system refuses.
/// - Throws: ``PHPError`` for a port outside 0 to 65535.
public func socket_create_listen(_ port: Int, _ backlog: Int = 128) throws(PHPError) -> PHPSocket? {
    let function = "socket_create_listen"
    guard let port = UInt16(exactly: port) else {
        throw .value(function, 1, "port", "must be between 0 and 65535")
    }
    var stem = "unable to create listening socket"
    do throws(SocketError) {
        let socket = try Socket(.ipv4, .stream)
        stem = "unable to bind to given address"
        try socket.bind(to: .ipv4(.any, port: port))
        stem = "unable to listen on socket"
        try socket.listen(backlog: clamped(backlog))
        return PHPSocket(socket, family: AF_INET)
    } catch {
        error.report(function, stem)
        return nil
    }
}

/// Closes a socket.
///
/// - Throws: ``PHPError`` if it is closed already.
public func socket_close(_ socket: PHPSocket) throws(PHPError) {
    try socket.requireOpen("socket_close")
    socket.close()
}

/// Ends one half of a connection, or both.
///
/// - Parameters:
///   - socket: The socket, which stays open.
///   - mode: 0 for receiving, 1 for sending, which the peer sees as the end, 2 for both.
/// - Returns: Whether the system did it.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_shutdown(_ socket: PHPSocket, _ mode: Int = 2) throws(PHPError) -> Bool {
    try socket.succeeds("socket_shutdown", "Unable to shutdown socket") { socket throws(SocketError) in
        switch mode {
        case 0: try socket.shutdown(.receiving)
        case 1: try socket.shutdown(.sending)
        case 2: try socket.shutdown(.both)
        default: throw SocketError(.shutdown, .system(.invalidArgument))
        }
    }
}

/// Makes the calls on a socket wait, as they do at first.
///
/// - Returns: Whether the system did it.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_set_block(_ socket: PHPSocket) throws(PHPError) -> Bool {
    try socket.succeeds("socket_set_block", "unable to set blocking mode") { socket throws(SocketError) in
        try socket.setBlockingMode(.blocking)
    }
}

/// Keeps the calls on a socket from waiting: they fail instead, silently, with ``SOCKET_EAGAIN``.
///
/// - Returns: Whether the system did it.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_set_nonblock(_ socket: PHPSocket) throws(PHPError) -> Bool {
    try socket.succeeds("socket_set_nonblock", "unable to set nonblocking mode") { socket throws(SocketError) in
        try socket.setBlockingMode(.nonBlocking)
    }
}

// MARK: Numbers

private func checkKind(_ function: String, _ domain: Int, _ type: Int) throws(PHPError) {
    guard [AF_UNIX, AF_INET, AF_INET6].contains(domain) else {
        throw .value(function, 1, "domain", "must be one of AF_UNIX, AF_INET6, or AF_INET")
    }
    guard type <= 10 else {
        throw .value(
            function, 2, "type", "must be one of SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW, or SOCK_RDM")
    }
}

private func created(
    _ function: String, _ stem: String, family: Int, _ make: () throws(SocketError) -> Socket
) -> PHPSocket? {
    do throws(SocketError) {
        return PHPSocket(try make(), family: family)
    } catch {
        error.report(function, stem)
        return nil
    }
}

private func family(_ number: Int) -> AddressFamily { AddressFamily(rawValue: Int32(truncatingIfNeeded: number)) }
private func socketType(_ number: Int) -> SocketType { SocketType(rawValue: Int32(truncatingIfNeeded: number)) }
private func socketProtocol(_ number: Int) -> SocketProtocol {
    SocketProtocol(rawValue: Int32(truncatingIfNeeded: number))
}

/// A backlog as C's int. A negative one is the longest, as it is for Linux.
func clamped(_ backlog: Int) -> Int {
    backlog < 0 ? Socket.maximumBacklog : min(backlog, Socket.maximumBacklog)
}
