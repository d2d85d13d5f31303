// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

/// The number of the last error.
///
/// - Parameter socket: Of calls on this socket; `nil` for calls on any socket, by this thread, and for those that were
///   to make one.
/// - Returns: An error number, ``SOCKET_EAGAIN`` and so on; -10001 or less if a host was not found; 0 if there was
///   none. A success does not clear it.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_last_error(_ socket: PHPSocket? = nil) throws(PHPError) -> Int {
    guard let socket else { return LastError.code }
    try socket.requireOpen("socket_last_error")
    return socket.lastError
}

/// Sets the number of the last error to 0.
///
/// - Parameter socket: That of this socket; `nil` for the one that belongs to no socket.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_clear_error(_ socket: PHPSocket? = nil) throws(PHPError) {
    guard let socket else {
        LastError.code = 0
        return
    }
    try socket.requireOpen("socket_clear_error")
    socket.lastError = 0
}

/// The words for an error number.
///
/// - Parameter error_code: What ``socket_last_error(_:)`` gives.
/// - Throws: ``PHPError`` for a number that is no C int.
public func socket_strerror(_ error_code: Int) throws(PHPError) -> String {
    guard Int32(exactly: error_code) != nil else {
        throw .value("socket_strerror", 1, "error_code", "must be between -2147483648 and 2147483647")
    }
    return ErrorText.of(error_code)
}
