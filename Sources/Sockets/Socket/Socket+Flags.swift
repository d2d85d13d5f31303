// SPDX-License-Identifier: Apache-2.0

extension Socket {
    /// Whether this socket's calls wait.
    ///
    /// - Throws: `SocketError` if an adopted descriptor is not open.
    ///
    /// The corresponding C function is `fcntl` with `F_GETFL`.
    public var blockingMode: BlockingMode {
        get throws(SocketError) {
            try checked(.descriptorFlags, System.blockingMode(descriptor))
        }
    }

    /// Sets whether this socket's calls wait. Duplicates of the socket share the setting.
    ///
    /// - Throws: `SocketError` if an adopted descriptor is not open.
    ///
    /// The corresponding C function is `fcntl` with `F_SETFL` and `O_NONBLOCK`.
    public func setBlockingMode(_ mode: BlockingMode) throws(SocketError) {
        try checked(.descriptorFlags, System.setBlockingMode(descriptor, mode))
    }

    /// Whether programs that this process starts inherit the socket. They do not unless ``setInheritable(_:)`` says so.
    ///
    /// - Throws: `SocketError` if an adopted descriptor is not open.
    ///
    /// The corresponding C function is `fcntl` with `F_GETFD`.
    public var isInheritable: Bool {
        get throws(SocketError) {
            try checked(.descriptorFlags, System.isInheritable(descriptor))
        }
    }

    /// Sets whether programs that this process starts inherit the socket.
    ///
    /// - Throws: `SocketError` if an adopted descriptor is not open.
    ///
    /// The corresponding C function is `fcntl` with `F_SETFD` and `FD_CLOEXEC`.
    public func setInheritable(_ inheritable: Bool) throws(SocketError) {
        try checked(.descriptorFlags, System.setInheritable(descriptor, inheritable))
    }
}
