// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

internal import Sockets

/// Receives what has arrived, or a line.
///
/// - Parameters:
///   - socket: The socket.
///   - length: How many bytes at most.
///   - mode: ``PHP_BINARY_READ`` for what has arrived; ``PHP_NORMAL_READ`` for bytes up to a line feed or a carriage
///     return, which is the last of them. The end of the stream ends the last line too. The beginning of a line that
///     has not arrived whole when the time is over, or when the call would have had to wait, is kept for the next call,
///     of which ``socket_select(_:_:_:_:_:)`` knows nothing. The rest of a datagram behind its first line is lost.
/// - Returns: The bytes; none at the end of the stream; `nil`, silently if the call would have had to wait, otherwise
///   with a warning. A length of 0 or less is `nil` too.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_read(
    _ socket: PHPSocket, _ length: Int, _ mode: Int = PHP_BINARY_READ
) throws(PHPError) -> PHPString? {
    let function = "socket_read"
    try socket.requireOpen(function)
    guard isLength(length) else { return nil }
    if mode == PHP_NORMAL_READ { return try readLine(socket, length) }
    if let piece = socket.takeBeginningOfLine(upTo: length) { return PHPString(piece) }
    return try socket.call(function, "unable to read from socket") { socket throws(SocketError) in
        PHPString(try socket.receive(upTo: length, retryOnInterrupt: false))
    }
}

/// Looks for the end of the line in what has arrived before taking it, so that not a byte behind it is taken.
private func readLine(_ socket: PHPSocket, _ length: Int) throws(PHPError) -> PHPString? {
    while socket.beginningOfLine.count < length {
        let room = min(length - socket.beginningOfLine.count, 8192)
        let taken = try socket.call("socket_read", "unable to read from socket") { plain throws(SocketError) in
            let seen = try plain.receive(upTo: room, flags: .peek, retryOnInterrupt: false)
            let end = seen.firstIndex { $0 == 0x0A || $0 == 0x0D }
            let piece = try plain.receive(upTo: max(1, end.map { $0 + 1 } ?? seen.count), retryOnInterrupt: false)
            socket.beginningOfLine += piece
            return (isLine: end != nil, isEnd: piece.isEmpty)
        }
        guard let taken else { return nil }
        if taken.isLine || taken.isEnd { break }
    }
    return PHPString(socket.takeBeginningOfLine(upTo: length) ?? [])
}

/// Receives bytes, or a datagram.
///
/// - Parameters:
///   - socket: The socket.
///   - data: Becomes the bytes; `nil` at the end of the stream, for an empty datagram, and when the call fails.
///   - length: How many bytes at most; the rest of a datagram is lost.
///   - flags: ``MSG_PEEK``, ``MSG_WAITALL``, ``MSG_DONTWAIT``, ``MSG_OOB`` and so on.
/// - Returns: The number of bytes; with ``MSG_TRUNC`` the datagram's real length. `nil`, silently if the call would
///   have had to wait, otherwise with a warning. A length of 0 or less is `nil`, and changes nothing.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_recv(
    _ socket: PHPSocket, _ data: inout PHPString?, _ length: Int, _ flags: Int
) throws(PHPError) -> Int? {
    let function = "socket_recv"
    try socket.requireOpen(function)
    guard isLength(length) else { return nil }
    if let piece = socket.takeBeginningOfLine(upTo: length, flags: flags) {
        data = PHPString(piece)
        return piece.count
    }
    data = nil
    var count = 0
    let bytes = try socket.call(function, "Unable to read from socket") { socket throws(SocketError) in
        let flags = receiveFlags(flags)
        if !flags.contains(.realLength) {
            let bytes = try socket.receive(upTo: length, flags: flags, retryOnInterrupt: false)
            count = bytes.count
            return bytes
        }
        let room = try socket.room(toReceive: length, flags, retryOnInterrupt: false)
        return try [UInt8](capacity: room) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            count = try socket.receive(into: &buffer, flags: flags, retryOnInterrupt: false)
        }
    }
    guard let bytes else { return nil }
    if count > 0 { data = PHPString(bytes) }
    return count
}

/// Receives a datagram and tells who sent it.
///
/// - Parameters:
///   - socket: The socket.
///   - data: Becomes the bytes.
///   - length: How many bytes at most; the rest of the datagram is lost.
///   - flags: As for ``socket_recv(_:_:_:_:)``.
///   - address: Becomes the sender's address, as ``socket_getsockname(_:_:_:)`` gives it; for a Unix socket its path or
///     its abstract name, empty if it has none.
///   - port: Becomes the sender's port; stays as it is for a Unix socket.
/// - Returns: The number of bytes; `nil`, silently if the call would have had to wait, otherwise with a warning. Then
///   the arguments stay as they are, as they do for a length of 0 or less.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_recvfrom(
    _ socket: PHPSocket, _ data: inout PHPString?, _ length: Int, _ flags: Int,
    _ address: inout some PHPStringConvertible,
    _ port: inout Int
) throws(PHPError) -> Int? {
    let function = "socket_recvfrom"
    try socket.requireOpen(function)
    guard isLength(length) else { return nil }
    if let piece = socket.takeBeginningOfLine(upTo: length, flags: flags) {
        data = PHPString(piece)
        tell(nil, socket.family, &address, &port)
        return piece.count
    }
    let stem = socket.family == AF_INET6 ? "unable to recvfrom" : "Unable to recvfrom"
    var sender: SocketAddress?
    var count = 0
    let bytes = try socket.call(function, stem) { socket throws(SocketError) in
        let flags = receiveFlags(flags)
        if flags.contains(.waitForAll), try socket.get(.type) == .stream {
            let bytes = try socket.receive(upTo: length, flags: flags, retryOnInterrupt: false)
            count = bytes.count
            return bytes
        }
        let room = try socket.room(toReceive: length, flags, retryOnInterrupt: false)
        return try [UInt8](capacity: room) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            let received = try socket.receiveFrom(into: &buffer, flags: flags, retryOnInterrupt: false)
            (sender, count) = (received.sender, received.byteCount)
        }
    }
    guard let bytes else { return nil }
    data = PHPString(bytes)
    tell(sender, socket.family, &address, &port)
    return count
}

/// A sender without an address is shown as PHP shows it.
func tell(_ sender: SocketAddress?, _ family: Int, _ address: inout some PHPStringConvertible, _ port: inout Int) {
    let nobody: SocketAddress =
        switch family {
        case AF_UNIX: .unix(.unnamed)
        case AF_INET6: .ipv6(.any, port: 0, scope: 0, flowInfo: 0)
        default: .ipv4(.any, port: 0)
        }
    let sender = sender ?? nobody
    set(&address, to: sender)
    if let number = sender.port { port = Int(number) }
}

/// Receives a datagram on a Unix socket, as ``socket_recvfrom(_:_:_:_:_:_:)``.
///
/// - Throws: ``PHPError`` for a socket whose senders have ports, or a closed one.
public func socket_recvfrom(
    _ socket: PHPSocket, _ data: inout PHPString?, _ length: Int, _ flags: Int,
    _ address: inout some PHPStringConvertible
) throws(PHPError) -> Int? {
    guard socket.family == AF_UNIX else {
        try socket.requireOpen("socket_recvfrom")
        if !isLength(length) { return nil }
        throw PHPError(.argumentCountError, "Wrong parameter count for socket_recvfrom()")
    }
    var port = 0
    return try socket_recvfrom(socket, &data, length, flags, &address, &port)
}

/// Sends bytes.
///
/// - Parameters:
///   - socket: A connected socket.
///   - data: Text or bytes.
///   - length: How many of them; `nil` for all.
/// - Returns: How many the system has taken, which may be fewer; `nil`, silently if the call would have had to wait,
///   otherwise with a warning.
/// - Throws: ``PHPError`` for a negative length, or a closed socket.
public func socket_write(
    _ socket: PHPSocket, _ data: some PHPStringConvertible, _ length: Int? = nil
) throws(PHPError) -> Int? {
    let function = "socket_write"
    try socket.requireOpen(function)
    let bytes = try piece(of: data, length, function)
    return try socket.call(function, "unable to write to socket") { socket throws(SocketError) in
        try socket.send(bytes, retryOnInterrupt: false)
    }
}

/// Sends bytes, as ``socket_write(_:_:_:)``, with flags: ``MSG_OOB``, ``MSG_DONTWAIT``, ``MSG_MORE`` and so on.
public func socket_send(
    _ socket: PHPSocket, _ data: some PHPStringConvertible, _ length: Int, _ flags: Int
) throws(PHPError) -> Int? {
    let function = "socket_send"
    try socket.requireOpen(function)
    let bytes = try piece(of: data, length, function)
    return try socket.call(function, "Unable to write to socket") { socket throws(SocketError) in
        try socket.send(bytes, flags: sendFlags(flags), retryOnInterrupt: false)
    }
}

/// Sends a datagram to an address.
///
/// - Parameters:
///   - socket: The socket.
///   - data: Text or bytes.
///   - length: How many of them.
///   - flags: As for ``socket_send(_:_:_:_:)``.
///   - address: An IP address, a host's name, or a Unix socket's path.
///   - port: The port, for ``AF_INET`` and ``AF_INET6``.
/// - Returns: How many bytes the system has taken; `nil`, silently if the call would have had to wait, otherwise with a
///   warning.
/// - Throws: ``PHPError`` for a negative length, a port that is missing or out of range, a path of more than 108 bytes,
///   or a closed socket.
public func socket_sendto(
    _ socket: PHPSocket, _ data: some PHPStringConvertible, _ length: Int, _ flags: Int,
    _ address: some PHPStringConvertible, _ port: Int? = nil
) throws(PHPError) -> Int? {
    let function = "socket_sendto"
    try socket.requireOpen(function)
    let bytes = try piece(of: data, length, function)
    let endpoint = try PHPEndpoint(function, socket, address.phpString, port: port, positions: (5, 6))
    return try socket.call(function, "Unable to write to socket") { socket throws(SocketError) in
        try socket.send(bytes, to: endpoint.resolved(), flags: sendFlags(flags), retryOnInterrupt: false)
    }
}

// MARK: Arguments

/// Whether a call can receive so many bytes: more than none, and no more than a C int counts.
private func isLength(_ length: Int) -> Bool { length > 0 && length <= Int(Int32.max) }

private func piece(
    of data: some PHPStringConvertible, _ length: Int?, _ function: String
) throws(PHPError) -> [UInt8] {
    let bytes = data.phpString.bytes
    guard let length else { return bytes }
    guard length >= 0 else { throw .value(function, 3, "length", "must be greater than or equal to 0") }
    return length < bytes.count ? Array(bytes.prefix(length)) : bytes
}

func sendFlags(_ flags: Int) -> SendFlags { SendFlags(rawValue: Int32(truncatingIfNeeded: flags)) }
func receiveFlags(_ flags: Int) -> ReceiveFlags { ReceiveFlags(rawValue: Int32(truncatingIfNeeded: flags)) }
