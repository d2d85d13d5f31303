// SPDX-License-Identifier: Apache-2.0

public import Sockets

extension SocketError.Operation {
    /// Starting an event loop, or waiting on one.
    public static let eventLoop = SocketError.Operation(rawValue: "event loop")
    /// Taking a socket out of its event loop.
    public static let release = SocketError.Operation(rawValue: "release")
    /// Lending the socket of a connection or a datagram socket to the caller.
    public static let lend = SocketError.Operation(rawValue: "lend socket")
}
