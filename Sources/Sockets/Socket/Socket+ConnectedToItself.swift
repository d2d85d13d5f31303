// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Whether the socket is a TCP socket whose peer is itself.
    ///
    /// TCP lets two ends that connect to each other at the same moment become one connection, and both ends may be one
    /// socket. It happens to a client of this machine's own port, on which nobody listens, when the system gives the
    /// client that very port: then it receives what it sends, and nobody can listen on the port for as long as it is
    /// open.
    ///
    /// - Throws: `SocketError` with `ENOTCONN` if the socket is not connected.
    ///
    /// The corresponding C functions are `getsockname` and `getpeername`.
    public var isConnectedToItself: Bool {
        get throws(SocketError) {
            let (local, peer) = (try localAddress, try peerAddress)
            // The scope is the same if the rest is, and the flow label says nothing.
            guard let port = local.port, port == peer.port, local.ip == peer.ip else { return false }
            return try get(.type) == .stream
        }
    }

    /// As ``isConnectedToItself``, with one system call less if the port says already that it is not.
    ///
    /// - Parameter address: Where the socket has connected to; `nil` if that is not known.
    func isConnectedToItself(near address: SocketAddress?) throws(SocketError) -> Bool {
        if let address {
            guard address.ip != nil else { return false }
            if try localAddress.port != address.port { return false }
        }
        do throws(SocketError) {
            return try isConnectedToItself
        } catch {
            // The peer, which is then another one, has reset the connection already: the next call says so.
            if error.errno == .socketNotConnected { return false }
            throw error
        }
    }

    /// Takes a connection to itself apart, so that the port is free, and the socket is as after a refusal.
    func refuseItself(near address: SocketAddress?) throws(SocketError) {
        guard try isConnectedToItself(near: address) else { return }
        let itself = try peerAddress
        _ = System.disconnect(descriptor)
        _ = try takePendingError()
        throw SocketError(.connect, .system(.connectionRefused), subject: .address(address ?? itself))
    }
}
