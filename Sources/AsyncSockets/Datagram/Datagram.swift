// SPDX-License-Identifier: Apache-2.0

public import Sockets

/// A datagram socket on an event loop: `udp(7)`, or Unix domain datagrams.
///
/// ```swift
/// let socket = try Datagram.bind(to: .ipv4(.any, port: 9999))
/// while true {
///     let (bytes, datagram) = try await socket.receive(upTo: 2048)
///     if let sender = datagram.sender { try await socket.send(bytes, to: sender) }
/// }
/// ```
///
/// Datagrams keep their boundaries, and one without a byte is a datagram too. One task at a time may receive; any
/// number may send. What was said of a ``Connection``'s calls that wait is true of these.
public final class Datagram: Sendable {
    let channel: Channel

    /// The loop that waits for the socket.
    public var loop: EventLoop { channel.loop }

    /// Takes over a datagram socket.
    ///
    /// - Parameters:
    ///   - socket: The socket, in either blocking mode.
    ///   - loop: The loop that waits for it; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError` if there is no loop.
    public init(adopting socket: consuming Socket, on loop: EventLoop? = nil) throws(SocketError) {
        channel = Channel(socket, on: try EventLoop.orDefault(loop))
    }

    deinit {
        channel.close()
    }

    /// A socket that receives what is sent to an address.
    ///
    /// - Parameters:
    ///   - address: The own address. Port 0 asks for a free one.
    ///   - sharing: Whether other sockets may be bound to the same address, as the receivers of a multicast group are.
    ///   - loop: The loop that waits for it; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`, naming the address.
    ///
    /// The corresponding C functions are `socket` and `bind`.
    public static func bind(
        to address: SocketAddress, sharing: AddressSharing = .exclusive, on loop: EventLoop? = nil
    ) throws(SocketError) -> Datagram {
        let socket = try Socket(address.family, .datagram)
        try socket.allowIPv4(for: address)
        if sharing == .shared { try socket.set(.reuseAddress, to: true) }
        try socket.bind(to: address)
        return try Datagram(adopting: socket, on: loop)
    }

    /// A socket that sends to one address and receives only what comes from there.
    ///
    /// - Throws: `SocketError`, naming the address.
    ///
    /// The corresponding C functions are `socket` and `connect`.
    public static func connect(to address: SocketAddress, on loop: EventLoop? = nil) throws(SocketError) -> Datagram {
        let socket = try Socket(address.family, .datagram)
        try socket.allowIPv4(for: address)
        try socket.connect(to: address)
        return try Datagram(adopting: socket, on: loop)
    }

    /// Whether other sockets may be bound to the same address.
    public enum AddressSharing: Hashable, Sendable {
        /// A second one is refused with `EADDRINUSE`.
        case exclusive
        /// All that say so may have it (`SO_REUSEADDR`): each gets every multicast datagram.
        case shared
    }

    /// Closes the socket. Calls that wait on it end with `SocketError.Reason.closed`. Closing twice does nothing.
    public func close() {
        channel.close()
    }

    /// Takes the socket out of the loop, in blocking mode.
    ///
    /// - Throws: `SocketError`: `SocketError.Reason.inUse` while a call is under way.
    public func release() throws(SocketError) -> Socket {
        let socket = try channel.takeSocket(.release)
        try socket.setBlockingMode(.blocking)
        return socket
    }

    /// The own address.
    public var localAddress: SocketAddress {
        get throws(SocketError) { try withSocket { socket throws(SocketError) in try socket.localAddress } }
    }

    /// Calls `body` with the socket, to set its options or to join multicast groups. It must not wait, and must neither
    /// receive nor send.
    ///
    /// - Throws: What `body` throws, or `SocketError` if the socket is closed.
    public func withSocket<Result: ~Copyable>(
        _ body: (borrowing Socket) throws(SocketError) -> Result
    ) throws(SocketError) -> Result {
        try channel.withSocket(.lend, body)
    }
}
