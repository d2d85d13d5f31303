// SPDX-License-Identifier: Apache-2.0

/// The address of a Unix domain socket, `unix(7)`: a path in the file system, a name in Linux's abstract namespace,
/// or none.
public struct UnixAddress: Hashable, Sendable {
    /// The longest abstract name, and the longest path that every system takes, in bytes: `sun_path` has 108, of which
    /// one is for the zero byte that begins an abstract name, or that ends a path.
    public static let maximumLength = 107
    /// The longest path that Linux takes, in bytes: one that fills `sun_path`, so that no zero byte ends it.
    public static let maximumPathLength = 108

    /// The bytes of `sun_path`: a path without its zero byte, an abstract name with its leading zero byte, or nothing.
    let socketPath: [UInt8]

    init(socketPath: [UInt8]) {
        self.socketPath = socketPath
    }

    /// The address of the socket file at `path`.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/pathTooLong(byteCount:)`` for a path of more than
    ///   108 bytes, which is never cut, or for one that is empty or contains a zero byte. One of 108 bytes works on
    ///   Linux, but not with programs that count on a zero byte after it.
    public init(path: some StringProtocol) throws(SocketError) {
        try self.init(path: [UInt8](path.utf8))
    }

    /// The address of the socket file at a path that need not be UTF-8.
    ///
    /// - Throws: `SocketError` as ``init(path:)-(StringProtocol)``.
    public init(path: [UInt8]) throws(SocketError) {
        func refused(_ argument: SocketError.InvalidArgument) -> SocketError {
            SocketError(.parseAddress, .invalid(argument), subject: .text(String(decoding: path, as: UTF8.self)))
        }
        guard !path.isEmpty else { throw refused(.emptyPath) }
        guard path.count <= Self.maximumPathLength else { throw refused(.pathTooLong(byteCount: path.count)) }
        guard !path.contains(0) else { throw refused(.zeroByte) }
        socketPath = path
    }

    /// The address with this name in the abstract namespace, which has no files and forgets a name with its socket.
    /// The name may contain any bytes.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/abstractNameTooLong(byteCount:)`` for more than 107
    ///   bytes.
    public init(abstractName: [UInt8]) throws(SocketError) {
        guard abstractName.count <= Self.maximumLength else {
            let name = String(decoding: abstractName, as: UTF8.self)
            throw SocketError(
                .parseAddress, .invalid(.abstractNameTooLong(byteCount: abstractName.count)),
                subject: .text("@" + name))
        }
        socketPath = [0] + abstractName
    }

    /// The address with this name in the abstract namespace.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/abstractNameTooLong(byteCount:)`` for more than 107
    ///   bytes.
    public init(abstractName: some StringProtocol) throws(SocketError) {
        try self.init(abstractName: [UInt8](abstractName.utf8))
    }

    /// No address: what a socket has that was not bound. Binding to it asks Linux for a free abstract name.
    public static let unnamed = UnixAddress(socketPath: [])

    /// Whether this is ``unnamed``.
    public var isUnnamed: Bool { socketPath.isEmpty }

    /// The path, if the address is one. A path that is not UTF-8 is repaired for reading; see ``pathBytes``.
    public var path: String? {
        pathBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The path's bytes, if the address is a path.
    public var pathBytes: [UInt8]? {
        socketPath.first.flatMap { $0 == 0 ? nil : socketPath }
    }

    /// The name in the abstract namespace, without its leading zero byte, if the address is such a name.
    public var abstractName: [UInt8]? {
        socketPath.first == 0 ? Array(socketPath.dropFirst()) : nil
    }
}
