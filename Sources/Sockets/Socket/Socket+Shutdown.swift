// SPDX-License-Identifier: Apache-2.0

extension Socket {
    /// Ends one half of the connection, or both. The descriptor stays open and must still be closed.
    ///
    /// Ending the sending half is how a peer learns that a request is complete: it reads the end of the stream, and
    /// can still answer.
    ///
    /// - Throws: `SocketError` with `ENOTCONN` if the socket is not connected.
    ///
    /// The corresponding C function is `shutdown`.
    public func shutdown(_ mode: ShutdownMode) throws(SocketError) {
        try checked(.shutdown, System.shutdown(descriptor, mode))
    }
}
