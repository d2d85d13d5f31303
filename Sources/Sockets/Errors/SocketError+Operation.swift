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
        public static let accept = Operation(rawValue: "accept")
        /// `bind(2)`
        public static let bind = Operation(rawValue: "bind")
        /// `close(2)`
        public static let close = Operation(rawValue: "close")
        /// `connect(2)`, and waiting for its outcome
        public static let connect = Operation(rawValue: "connect")
        /// `socket(2)`
        public static let create = Operation(rawValue: "create socket")
        /// `socketpair(2)`
        public static let createPair = Operation(rawValue: "create socket pair")
        /// `fcntl(2)` with `F_DUPFD_CLOEXEC`
        public static let duplicate = Operation(rawValue: "duplicate")
        /// `fcntl(2)`, reading or setting a descriptor's flags
        public static let descriptorFlags = Operation(rawValue: "descriptor flags")
        /// `getsockopt(2)`
        public static let getOption = Operation(rawValue: "get option")
        /// Naming a network interface or finding its index
        public static let interface = Operation(rawValue: "interface")
        /// `listen(2)`
        public static let listen = Operation(rawValue: "listen")
        /// `getsockname(2)`
        public static let localAddress = Operation(rawValue: "local address")
        /// Reading an address from text, or making one from parts
        public static let parseAddress = Operation(rawValue: "address")
        /// `getpeername(2)`
        public static let peerAddress = Operation(rawValue: "peer address")
        /// `poll(2)`
        public static let poll = Operation(rawValue: "poll")
        /// `recv(2)` and its relatives
        public static let receive = Operation(rawValue: "receive")
        /// `getaddrinfo(3)`
        public static let resolve = Operation(rawValue: "resolve")
        /// `select(2)`'s work
        public static let select = Operation(rawValue: "select")
        /// `send(2)` and its relatives
        public static let send = Operation(rawValue: "send")
        /// `setsockopt(2)`
        public static let setOption = Operation(rawValue: "set option")
        /// `shutdown(2)`
        public static let shutdown = Operation(rawValue: "shutdown")
        /// Waiting for a descriptor's events
        public static let wait = Operation(rawValue: "wait")
        /// Changing an ``IOVector``
        public static let vector = Operation(rawValue: "vector")
    }
}
