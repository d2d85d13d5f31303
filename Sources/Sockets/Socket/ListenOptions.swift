// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// How a socket listens: ``Socket/listen(on:options:mode:preparing:)`` and its relatives.
public struct ListenOptions: Hashable, Sendable {
    /// How many connections may wait to be accepted, zero or more; the system cuts it to its own maximum.
    public var backlog: Int
    /// Whether other listeners may have the same port at the same time.
    public var portSharing: PortSharing
    /// What a listener on the IPv6 address `::` accepts.
    public var ipv6Wildcard: IPv6Wildcard
    /// The mode and the owner of a Unix socket's file.
    public var unixFile: UnixFile

    /// The system's largest backlog, an exclusive port, both families on `::`, and a file as `bind(2)` makes it.
    public init(
        backlog: Int = Socket.maximumBacklog, portSharing: PortSharing = .exclusive,
        ipv6Wildcard: IPv6Wildcard = .dualStack, unixFile: UnixFile = UnixFile()
    ) {
        self.backlog = backlog
        self.portSharing = portSharing
        self.ipv6Wildcard = ipv6Wildcard
        self.unixFile = unixFile
    }

    /// Whether several listeners may have one port, among which the kernel deals out the connections.
    public enum PortSharing: Hashable, Sendable {
        /// A second listener on the port is refused with `EADDRINUSE`.
        case exclusive
        /// All listeners that say so have the port together (`SO_REUSEPORT`). A second server is then not refused, by
        /// mistake either, and closing one of the listeners resets the connections that wait in its queue.
        case shared
    }

    /// What a listener on the IPv6 wildcard address `::` accepts.
    ///
    /// Listening sets `IPV6_V6ONLY` itself, so that the system's setting `net.ipv6.bindv6only` decides nothing.
    public enum IPv6Wildcard: Hashable, Sendable {
        /// IPv6 and IPv4; an IPv4 peer has an IPv4-mapped address, such as `::ffff:192.0.2.1`.
        case dualStack
        /// IPv6 alone, so that another socket can listen on the same port of `0.0.0.0`.
        case ipv6Only
    }

    /// The mode and the owner of the file that a Unix socket gets. Connecting needs the right to write to the file.
    ///
    /// They are set before the socket listens, so nobody whom they keep out connects in between. They mean nothing for
    /// an IP address. An abstract name has no file to protect, so listening on one with any of them set is refused.
    public struct UnixFile: Hashable, Sendable {
        /// The mode; `nil` for what the process's umask leaves of 0777.
        public var permissions: FilePermissions?
        /// The user ID of the owner; `nil` for the process's own. Another one needs the CAP_CHOWN capability.
        public var owner: UInt32?
        /// The group ID; `nil` for the process's own, or the folder's. One that the process is not in needs the
        /// CAP_CHOWN capability.
        public var group: UInt32?

        /// A file with this mode and owner.
        public init(permissions: FilePermissions? = nil, owner: UInt32? = nil, group: UInt32? = nil) {
            self.permissions = permissions
            self.owner = owner
            self.group = group
        }
    }
}

/// What listening on several addresses does about one that this machine does not have (`EADDRNOTAVAIL`), or whose
/// family it does not have (`EAFNOSUPPORT`).
public enum UnavailableAddresses: Hashable, Sendable {
    /// The whole fails.
    case refuse
    /// The address is left out, unless none is left.
    case leaveOut
}
