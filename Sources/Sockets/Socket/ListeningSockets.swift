// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// Sockets that listen together, each on one address: what
/// ``Socket/listen(onAll:unavailable:options:mode:preparing:)`` makes.
///
/// ```swift
/// var listeners = try Socket.listen(onHost: "localhost", port: 8080)
/// while true {
///     let connection = try listeners.accept()
///     …
/// }
/// ```
///
/// The sockets belong to this value until they are taken from it, and those that are left are closed with it.
public struct ListeningSockets: ~Copyable, Sendable {
    /// Where the sockets listen, with the ports that they got, in the order in which the addresses were given.
    public private(set) var addresses: [SocketAddress] = []

    // Non-blocking while they are here, so that accepting never waits for one of them alone.
    private var descriptors: [FileDescriptor] = []
    private let mode: BlockingMode
    /// The socket to ask first, so that a busy one does not keep the others waiting.
    private var turn = 0

    init(mode: BlockingMode) {
        self.mode = mode
    }

    deinit {
        for descriptor in descriptors {
            _ = System.close(descriptor)
        }
    }

    /// How many sockets are left.
    public var count: Int { descriptors.count }

    /// Whether no socket is left.
    public var isEmpty: Bool { descriptors.isEmpty }

    /// Takes the first of the sockets that are left, in the order of ``addresses``; `nil` if none is.
    public mutating func takeFirst() -> Socket? {
        guard !descriptors.isEmpty else { return nil }
        let socket = Socket(adopting: descriptors.removeFirst())
        // Nothing but a closed descriptor makes this fail, and this one is open.
        if mode == .blocking { try? socket.setBlockingMode(.blocking) }
        return socket
    }

    mutating func append(_ socket: consuming Socket, on address: SocketAddress) {
        descriptors.append(socket.release())
        addresses.append(address)
    }

    /// Takes a connection from one of the sockets if one waits there, without waiting.
    ///
    /// - Parameter mode: Whether the new socket's calls wait.
    /// - Returns: The connection and its peer's address, or `nil` if nobody waits.
    /// - Throws: `SocketError` as ``Socket/accept(mode:retryOnInterrupt:)``, but never for would-block.
    ///
    /// The corresponding C function is `accept4`.
    public mutating func tryAccept(mode: BlockingMode = .blocking) throws(SocketError) -> AcceptedConnection? {
        for _ in descriptors.indices {
            turn = (turn + 1) % descriptors.count
            let result = System.accept(descriptors[turn], mode, retryOnInterrupt: true)
            if let accepted = try checkedUnlessWouldBlock(.accept, result) {
                return AcceptedConnection(socket: Socket(adopting: accepted.0), peer: accepted.1)
            }
        }
        return nil
    }

    /// Waits for a connection to any of the sockets and takes it.
    ///
    /// - Parameters:
    ///   - mode: Whether the new socket's calls wait.
    ///   - timeout: How long to wait: zero tries once, `nil` waits for ever.
    /// - Returns: The connection and its peer's address.
    /// - Throws: `SocketError` as ``Socket/accept(mode:retryOnInterrupt:)``; with `ETIMEDOUT` when the time is over,
    ///   with `EINVAL` if no socket is left.
    ///
    /// The corresponding C functions are `accept4` and `ppoll`.
    public mutating func accept(
        mode: BlockingMode = .blocking, timeout: Duration? = nil
    ) throws(SocketError) -> AcceptedConnection {
        if let timeout, timeout < .zero { throw SocketError(.accept, .invalid(.negative)) }
        guard !isEmpty else { throw SocketError(.accept, .system(.invalidArgument)) }
        let deadline = timeout.map { Deadline(after: $0) }
        while true {
            if let connection = try tryAccept(mode: mode) { return connection }
            var entries = descriptors.map { PollEntry($0, .readable) }
            if try Socket.poll(&entries, timeout: deadline?.remaining) == 0 {
                throw SocketError(.accept, .system(.timedOut))
            }
        }
    }
}
