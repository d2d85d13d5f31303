// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

internal import Sockets
internal import SystemPackage

/// The longest buffer of a list, in bytes.
private let longestBuffer = 1_048_576

/// Makes a list of buffers, filled with zeros.
///
/// - Parameters:
///   - num_vectors: How many, at most 1024.
///   - lengths: The length of each, 1 to 1,048,576 bytes.
/// - Throws: ``PHPError`` for another number of lengths, or one out of range.
public func socket_iovec_alloc(_ num_vectors: Int, _ lengths: Int...) throws(PHPError) -> SocketIOVec {
    let function = "socket_iovec_alloc"
    guard num_vectors == lengths.count else {
        throw PHPError(
            .argumentCountError,
            "\(function)() expects exactly \(max(0, num_vectors)) lengths, \(lengths.count) given")
    }
    let iovec = SocketIOVec()
    for (index, length) in lengths.enumerated() {
        try add(length, to: iovec, function, argument: index + 2)
    }
    return iovec
}

/// Appends a buffer filled with zeros.
///
/// - Parameters:
///   - iovec: The list, which may have 1024 buffers.
///   - iov_len: The buffer's length, 1 to 1,048,576 bytes.
/// - Returns: `true`.
/// - Throws: ``PHPError`` for a length out of range, a full list or a freed one.
@discardableResult
public func socket_iovec_add(_ iovec: SocketIOVec, _ iov_len: Int) throws(PHPError) -> Bool {
    try add(iov_len, to: iovec, "socket_iovec_add", argument: 2)
    return true
}

private func add(_ length: Int, to iovec: SocketIOVec, _ function: String, argument: Int) throws(PHPError) {
    let buffers = try iovec.require(function, argument: 1)
    guard (1...longestBuffer).contains(length) else {
        throw .value(function, argument, "iov_len", "must be between 1 and \(longestBuffer)")
    }
    guard buffers.count < IOVector.maximumCount else {
        throw .value(function, 1, "iovec", "must have fewer than \(IOVector.maximumCount) buffers")
    }
    iovec.buffers?.append(SocketIOVec.Buffer(capacity: length))
}

/// Replaces the data of a buffer, and with it the buffer's length.
///
/// - Parameters:
///   - iovec: The list.
///   - iov_position: Which buffer, from 0.
///   - new_val: Text or bytes, zeros among them.
/// - Returns: `false`, with a warning, if there is no such buffer.
/// - Throws: ``PHPError`` for a freed list.
@discardableResult
public func socket_iovec_set(
    _ iovec: SocketIOVec, _ iov_position: Int, _ new_val: some PHPStringConvertible
) throws(PHPError) -> Bool {
    guard try iovec.require("socket_iovec_set", argument: 1).indices.contains(iov_position) else {
        PHPWarning.give("socket_iovec_set", "can't access a vector position outside of the vector array bounds")
        return false
    }
    iovec.buffers?[iov_position] = SocketIOVec.Buffer(new_val.phpString.bytes)
    return true
}

/// Gives the data of a buffer: what was set, or what the last ``socket_readv(_:_:)`` put there.
///
/// - Returns: Nothing, with a warning, if there is no such buffer.
/// - Throws: ``PHPError`` for a freed list.
public func socket_iovec_fetch(_ iovec: SocketIOVec, _ iov_position: Int) throws(PHPError) -> PHPString {
    let buffers = try iovec.require("socket_iovec_fetch", argument: 1)
    guard buffers.indices.contains(iov_position) else {
        PHPWarning.give(
            "socket_iovec_fetch", "can't access a vector position past the amount of vectors set in the array")
        return ""
    }
    return PHPString(buffers[iov_position].bytes)
}

/// Removes a buffer; those behind it move up.
///
/// - Returns: `false`, with a warning, if there is no such buffer.
/// - Throws: ``PHPError`` for a freed list.
@discardableResult
public func socket_iovec_delete(_ iovec: SocketIOVec, _ iov_pos: Int) throws(PHPError) -> Bool {
    guard try iovec.require("socket_iovec_delete", argument: 1).indices.contains(iov_pos) else {
        PHPWarning.give("socket_iovec_delete", "can't delete an IO vector that is out of array bounds")
        return false
    }
    iovec.buffers?.remove(at: iov_pos)
    return true
}

/// Frees a list, which nothing can use any more.
///
/// - Returns: `true`.
/// - Throws: ``PHPError`` for a freed list.
@discardableResult
public func socket_iovec_free(_ iovec: SocketIOVec) throws(PHPError) -> Bool {
    _ = try iovec.require("socket_iovec_free", argument: 1)
    iovec.buffers = nil
    return true
}

/// Receives into the buffers of a list, one after another.
///
/// - Returns: The number of bytes, 0 at the end of the stream; `nil`, silently if the call would have had to wait,
///   otherwise with a warning. PHP 4 gave no number.
/// - Throws: ``PHPError`` for a freed list or a closed socket.
public func socket_readv(_ socket: PHPSocket, _ iovec: SocketIOVec) throws(PHPError) -> Int? {
    let function = "socket_readv"
    try socket.requireOpen(function)
    let buffers = try iovec.require(function, argument: 2)
    let beginning = socket.takeBeginningOfLine(upTo: buffers.reduce(0) { $0 + $1.capacity })
    return try socket.call(function, "unable to read from socket") { socket throws(SocketError) in
        var vector = try SocketIOVec.receiving(buffers)
        let count: Int
        if let beginning {
            count = try vector.fill(with: beginning)
        } else {
            count = try socket.receive(into: &vector, retryOnInterrupt: false)
        }
        try iovec.take(vector)
        return count
    }
}

/// Sends the data of all buffers of a list, one after another.
///
/// - Returns: How many bytes the system has taken, which may be fewer: ``SocketIOVec/advance(by:)`` leaves the rest.
///   `nil`, silently if the call would have had to wait, otherwise with a warning. PHP 4 gave no number.
/// - Throws: ``PHPError`` for a freed list or a closed socket.
public func socket_writev(_ socket: PHPSocket, _ iovec: SocketIOVec) throws(PHPError) -> Int? {
    let function = "socket_writev"
    try socket.requireOpen(function)
    let buffers = try iovec.require(function, argument: 2)
    return try socket.call(function, "Unable to write to socket") { socket throws(SocketError) in
        try socket.send(SocketIOVec.sending(buffers), retryOnInterrupt: false)
    }
}
