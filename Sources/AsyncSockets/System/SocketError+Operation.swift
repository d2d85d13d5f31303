// SPDX-License-Identifier: Apache-2.0

public import Sockets

extension SocketError.Operation {
    /// Starting an event loop, or waiting on one.
    public static var eventLoop: SocketError.Operation { SocketError.Operation(rawValue: "event loop") }
    /// Taking a socket out of its event loop.
    public static var release: SocketError.Operation { SocketError.Operation(rawValue: "release") }
    /// Lending the socket of a connection or a datagram socket to the caller.
    public static var lend: SocketError.Operation { SocketError.Operation(rawValue: "lend socket") }
}
