// SPDX-License-Identifier: Apache-2.0

extension SocketError {
    /// What a call tried to do. The raw value is the word that stands first in the error's description.
    public struct Operation: RawRepresentable, Hashable, Sendable {
        /// One or two English words.
        public var rawValue: String

        /// An operation by its words.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// `accept(2)`
        public static var accept: Operation { Operation(rawValue: "accept") }
        /// `bind(2)`
        public static var bind: Operation { Operation(rawValue: "bind") }
        /// `chmod(2)` of a Unix socket's file
        public static var changeMode: Operation { Operation(rawValue: "change mode") }
        /// `chown(2)` of a Unix socket's file
        public static var changeOwner: Operation { Operation(rawValue: "change owner") }
        /// `close(2)`
        public static var close: Operation { Operation(rawValue: "close") }
        /// `connect(2)`, and waiting for its outcome
        public static var connect: Operation { Operation(rawValue: "connect") }
        /// `socket(2)`
        public static var create: Operation { Operation(rawValue: "create socket") }
        /// `socketpair(2)`
        public static var createPair: Operation { Operation(rawValue: "create socket pair") }
        /// `fcntl(2)` with `F_DUPFD_CLOEXEC`
        public static var duplicate: Operation { Operation(rawValue: "duplicate") }
        /// `fcntl(2)`, reading or setting a descriptor's flags
        public static var descriptorFlags: Operation { Operation(rawValue: "descriptor flags") }
        /// `getsockopt(2)`
        public static var getOption: Operation { Operation(rawValue: "get option") }
        /// Naming a network interface or finding its index
        public static var interface: Operation { Operation(rawValue: "interface") }
        /// `listen(2)`
        public static var listen: Operation { Operation(rawValue: "listen") }
        /// `getsockname(2)`
        public static var localAddress: Operation { Operation(rawValue: "local address") }
        /// Reading an address from text, or making one from parts
        public static var parseAddress: Operation { Operation(rawValue: "address") }
        /// `getpeername(2)`
        public static var peerAddress: Operation { Operation(rawValue: "peer address") }
        /// `poll(2)`
        public static var poll: Operation { Operation(rawValue: "poll") }
        /// `recv(2)` and its relatives
        public static var receive: Operation { Operation(rawValue: "receive") }
        /// `getaddrinfo(3)`
        public static var resolve: Operation { Operation(rawValue: "resolve") }
        /// `select(2)`'s work
        public static var select: Operation { Operation(rawValue: "select") }
        /// `send(2)` and its relatives
        public static var send: Operation { Operation(rawValue: "send") }
        /// `setsockopt(2)`
        public static var setOption: Operation { Operation(rawValue: "set option") }
        /// `shutdown(2)`
        public static var shutdown: Operation { Operation(rawValue: "shutdown") }
        /// Waiting for a descriptor's events
        public static var wait: Operation { Operation(rawValue: "wait") }
        /// Changing an ``IOVector``
        public static var vector: Operation { Operation(rawValue: "vector") }
    }
}
