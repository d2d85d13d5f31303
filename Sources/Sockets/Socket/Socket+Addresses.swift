// SPDX-License-Identifier: Apache-2.0

extension Socket {
    /// The socket's own address; one with port 0, or unnamed, if it has none yet.
    ///
    /// The corresponding C function is `getsockname`.
    public var localAddress: SocketAddress {
        get throws(SocketError) {
            try checked(.localAddress, System.localAddress(descriptor))
        }
    }

    /// The address of the socket at the other end.
    ///
    /// - Throws: `SocketError` with `ENOTCONN` if the socket is not connected.
    ///
    /// The corresponding C function is `getpeername`.
    public var peerAddress: SocketAddress {
        get throws(SocketError) {
            try checked(.peerAddress, System.peerAddress(descriptor))
        }
    }
}
