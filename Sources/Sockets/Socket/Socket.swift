// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// One socket: an end point of communication, and the only owner of its descriptor.
///
/// ```swift
/// let server = try Socket.listen(on: .ipv4(.loopback, port: 8080))
/// while true {
///     let connection = try server.accept()
///     let request = try connection.receive(upTo: 1024)
///     try connection.sendAll("You sent \(request.count) bytes.\n")
///     try connection.close()
/// }
/// ```
///
/// A socket cannot be copied. It closes its descriptor exactly once: when ``close()`` consumes it or, if it is
/// forgotten, when it goes out of scope. Using a closed socket, and closing one twice, are compile errors. The
/// descriptor is close-on-exec from birth, and no send ever raises `SIGPIPE`.
///
/// A socket may be used by several threads at once. To give it to another thread to keep, take the descriptor out
/// with ``release()`` and put it into a new socket there with ``init(adopting:)``.
///
/// The corresponding C type is a file descriptor made by `socket(2)`.
@frozen
public struct Socket: ~Copyable, Sendable {
    @usableFromInline
    let descriptor: FileDescriptor

    /// Creates a socket that is neither bound nor connected.
    ///
    /// - Parameters:
    ///   - family: The family of addresses.
    ///   - type: How the socket carries data.
    ///   - protocol: The protocol, where the family has several for the type.
    ///   - mode: Whether its calls wait.
    /// - Throws: `SocketError` when the system refuses: no such combination (`EAFNOSUPPORT`, `EPROTONOSUPPORT`,
    ///   `ESOCKTNOSUPPORT`), no right to it (`EPERM`, `EACCES`), or no descriptor left (`EMFILE`, `ENFILE`).
    ///
    /// The corresponding C function is `socket`.
    public init(
        _ family: AddressFamily, _ type: SocketType, protocol: SocketProtocol = .default,
        mode: BlockingMode = .blocking
    ) throws(SocketError) {
        switch System.socket(family, type, `protocol`, mode) {
        case .success(let descriptor): self.descriptor = descriptor
        case .failure(let errno): throw SocketError(.create, .system(errno))
        }
    }

    /// Takes over a descriptor, which from now on belongs to this socket alone. Its flags stay as they are.
    public init(adopting descriptor: FileDescriptor) {
        self.descriptor = descriptor
    }

    deinit {
        _ = System.close(descriptor)
    }

    /// Closes the socket and reports what the system says of it.
    ///
    /// What was sent is still delivered; see ``SocketOption/linger`` to wait for that. If there is input that was not
    /// received, TCP resets the connection, and the peer may lose what it has not read yet.
    ///
    /// - Throws: `SocketError` if the system reports an error. The descriptor is gone all the same, and the call is
    ///   never made again.
    ///
    /// The corresponding C function is `close`.
    public consuming func close() throws(SocketError) {
        let descriptor = release()
        if case .failure(let errno) = System.close(descriptor) {
            throw SocketError(.close, .system(errno))
        }
    }

    /// Gives the descriptor away, open: it is the caller's to close.
    public consuming func release() -> FileDescriptor {
        let descriptor = descriptor
        discard self
        return descriptor
    }

    /// Calls `body` with the descriptor, which stays this socket's and must not be closed or kept.
    public borrowing func withDescriptor<Result: ~Copyable, Failure: Error>(
        _ body: (FileDescriptor) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(descriptor)
    }

    /// A second socket for the same connection or listener, with a descriptor of its own.
    ///
    /// Both share everything but the descriptor: position, options, blocking mode. The connection ends when the last
    /// of them is closed.
    ///
    /// - Throws: `SocketError` when no descriptor is left (`EMFILE`).
    ///
    /// The corresponding C function is `fcntl` with `F_DUPFD_CLOEXEC`.
    public func duplicate() throws(SocketError) -> Socket {
        switch System.duplicate(descriptor) {
        case .success(let descriptor): Socket(adopting: descriptor)
        case .failure(let errno): throw SocketError(.duplicate, .system(errno))
        }
    }
}

/// Two sockets that are connected to each other.
@frozen
public struct SocketPair: ~Copyable, Sendable {
    /// The one end.
    public let first: Socket
    /// The other end.
    public let second: Socket

    init(first: consuming Socket, second: consuming Socket) {
        self.first = first
        self.second = second
    }
}

extension Socket {
    /// Creates two sockets that are connected to each other.
    ///
    /// - Parameters:
    ///   - type: How the pair carries data.
    ///   - family: The family; Linux makes pairs of Unix sockets only.
    ///   - protocol: The protocol, where the family has several for the type.
    ///   - mode: Whether the calls of both wait.
    /// - Throws: `SocketError` when the system refuses.
    ///
    /// The corresponding C function is `socketpair`.
    public static func pair(
        _ type: SocketType = .stream, family: AddressFamily = .unix, protocol: SocketProtocol = .default,
        mode: BlockingMode = .blocking
    ) throws(SocketError) -> SocketPair {
        switch System.socketPair(family, type, `protocol`, mode) {
        case .success(let pair): SocketPair(first: Socket(adopting: pair.0), second: Socket(adopting: pair.1))
        case .failure(let errno): throw SocketError(.createPair, .system(errno))
        }
    }
}
