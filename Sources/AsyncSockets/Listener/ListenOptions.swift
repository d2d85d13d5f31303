// SPDX-License-Identifier: Apache-2.0

public import Sockets

/// How a ``Listener`` listens.
public struct ListenOptions: Sendable {
    /// How many connections may wait to be accepted; the system cuts it to its own maximum.
    public var backlog: Int
    /// Whether other listeners may have the same port at the same time.
    public var portSharing: PortSharing

    /// The system's largest backlog, and a port of one's own.
    public init(backlog: Int = Socket.maximumBacklog, portSharing: PortSharing = .exclusive) {
        self.backlog = backlog
        self.portSharing = portSharing
    }

    /// Whether several listeners may have one port, among which the kernel deals out the connections.
    public enum PortSharing: Hashable, Sendable {
        /// A second listener on the port is refused with `EADDRINUSE`.
        case exclusive
        /// All listeners that say so have the port together (`SO_REUSEPORT`). A second server is then not refused, by
        /// mistake either, and closing one of the listeners resets the connections that wait in its queue.
        case shared
    }
}
