// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// How far a non-blocking connect has come.
public enum ConnectProgress: Hashable, Sendable {
    /// The socket is connected.
    case connected
    /// The connection is being made. When the socket becomes writable, ``Socket/finishConnect()`` tells the outcome.
    case inProgress
    /// Nothing was begun, because the Unix listener's backlog is full: try again later.
    case wouldBlock
}

extension Socket {
    /// Creates a stream socket that is connected to an address.
    ///
    /// Where nobody listens on a port of this machine, the system may choose that very port for the new socket, and
    /// connect it to itself. Such a socket is closed, and another one tried, up to three in all.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - timeout: How long to wait: zero tries once; `nil` leaves it to the system, which for TCP gives up after
    ///     minutes.
    /// - Throws: `SocketError`, naming the address; with `ETIMEDOUT` when the time is over, and with `ECONNREFUSED` if
    ///   every socket was connected to itself.
    ///
    /// The corresponding C functions are `socket` and `connect`.
    public static func connect(to address: SocketAddress, timeout: Duration? = nil) throws(SocketError) -> Socket {
        // Each socket is bound to another port, so two in a row are rare, and three no accident.
        for _ in 0..<3 {
            let socket = try Socket(address.family, .stream)
            try socket.allowIPv4(for: address)
            if let timeout {
                try socket.connectWithinTime(to: address, timeout)
            } else {
                try socket.connectWaiting(to: address, retryOnInterrupt: true)
            }
            if try !socket.isConnectedToItself(near: address) { return socket }
            // Merely closed, it would keep the port in TIME-WAIT.
            _ = System.disconnect(socket.descriptor)
        }
        throw SocketError(.connect, .system(.connectionRefused), subject: .address(address))
    }

    /// Creates a stream socket that is connected to a host, whose addresses are tried one after another.
    ///
    /// - Parameters:
    ///   - host: A name, or an address as text.
    ///   - port: The port.
    ///   - timeout: How long to wait for each address: zero tries each once; `nil` leaves it to the system.
    /// - Throws: `SocketError`: the name's, the only address's, or one whose ``SocketError/attempts`` has an error for
    ///   every address.
    ///
    /// The corresponding C functions are `getaddrinfo`, `socket` and `connect`.
    public static func connect(
        toHost host: String, port: UInt16, timeout: Duration? = nil
    ) throws(SocketError) -> Socket {
        var attempts: [SocketError] = []
        for address in try SocketAddress.resolve(host: host, port: port) {
            do throws(SocketError) {
                return try connect(to: address, timeout: timeout)
            } catch {
                attempts.append(error)
            }
        }
        if attempts.count == 1, let only = attempts.first { throw only }
        throw SocketError(.connect, .allAttemptsFailed, subject: .text("\(host):\(port)"), attempts: attempts)
    }

    /// Connects the socket to an address and waits until it is connected. For a datagram socket this only sets where
    /// it sends to and whom it receives from.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - retryOnInterrupt: Whether to go on waiting when a signal interrupts the call. Otherwise it throws `EINTR`,
    ///     and the system goes on connecting: call again to wait for the outcome.
    /// - Throws: `SocketError`, naming the address. A TCP socket that the system has connected to itself, as it may
    ///   where nobody listens, is disconnected again, and the error is `ECONNREFUSED`. On a non-blocking socket use
    ///   ``startConnect(to:)`` instead.
    ///
    /// The corresponding C function is `connect`.
    public func connect(to address: SocketAddress, retryOnInterrupt: Bool = true) throws(SocketError) {
        do throws(SocketError) {
            try connectWaiting(to: address, retryOnInterrupt: retryOnInterrupt)
        } catch {
            // A non-blocking socket's connection to this machine, and so to itself, is made by now.
            if error.errno == .nowInProgress { try refuseItself(near: address) }
            throw error
        }
        try refuseItself(near: address)
    }

    private func connectWaiting(to address: SocketAddress, retryOnInterrupt: Bool) throws(SocketError) {
        var wasInterrupted = false
        while true {
            switch System.connect(descriptor, address) {
            case .success: return
            case .failure(.interrupted) where retryOnInterrupt: wasInterrupted = true
            // The connection that the interrupted call had begun was completed before this call.
            case .failure(.socketIsConnected) where wasInterrupted: return
            case .failure(let errno): throw SocketError(.connect, .system(errno), subject: .address(address))
            }
        }
    }

    /// Connects the socket to an address, waiting no longer than `timeout`.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - timeout: How long to wait; zero tries once.
    /// - Throws: `SocketError` as ``connect(to:retryOnInterrupt:)``, and with `ETIMEDOUT` when the time is over. The
    ///   attempt is then unfinished, and the socket good for nothing but closing.
    ///
    /// The corresponding C functions are `connect`, `poll` and `getsockopt` with `SO_ERROR`.
    public func connect(to address: SocketAddress, timeout: Duration) throws(SocketError) {
        try connectWithinTime(to: address, timeout)
        try refuseItself(near: address)
    }

    private func connectWithinTime(to address: SocketAddress, _ timeout: Duration) throws(SocketError) {
        guard timeout >= .zero else {
            throw SocketError(.connect, .invalid(.negative), subject: .address(address))
        }
        let mode = try blockingMode
        try setBlockingMode(.nonBlocking)
        do throws(SocketError) {
            try connectWithoutBlocking(to: address, until: Deadline(after: timeout))
        } catch {
            try setBlockingMode(mode)
            throw error
        }
        try setBlockingMode(mode)
    }

    private func connectWithoutBlocking(
        to address: SocketAddress, until deadline: Deadline
    ) throws(SocketError) {
        var progress = try beginConnect(to: address)
        while progress != .connected {
            let left = deadline.remaining
            if progress == .wouldBlock {
                // A full backlog of a Unix listener raises no event on this side; look again in a while.
                Deadline(after: min(left, .milliseconds(10))).wait()
                progress = try beginConnect(to: address)
            } else {
                // Even with no time left the outcome may be there: on this machine it is at once.
                _ = try wait(for: .writable, timeout: left)
                progress = try endConnect(to: address)
            }
            if progress != .connected, left == .zero {
                throw SocketError(.connect, .system(.timedOut), subject: .address(address))
            }
        }
    }

    /// Begins to connect a non-blocking socket.
    ///
    /// - Throws: `SocketError`, naming the address, if the attempt failed at once; as ``connect(to:retryOnInterrupt:)``
    ///   for a socket that is connected to itself.
    ///
    /// The corresponding C function is `connect`.
    public func startConnect(to address: SocketAddress) throws(SocketError) -> ConnectProgress {
        let progress = try beginConnect(to: address)
        if progress == .connected { try refuseItself(near: address) }
        return progress
    }

    private func beginConnect(to address: SocketAddress) throws(SocketError) -> ConnectProgress {
        switch System.connect(descriptor, address) {
        case .success: return .connected
        // An interrupted connect goes on by itself.
        case .failure(.nowInProgress), .failure(.alreadyInProcess), .failure(.interrupted): return .inProgress
        case .failure(.wouldBlock): return .wouldBlock
        case .failure(let errno): throw SocketError(.connect, .system(errno), subject: .address(address))
        }
    }

    /// Tells what has become of a connection that ``startConnect(to:)`` began, without waiting.
    ///
    /// - Throws: `SocketError` if the attempt failed. The error is the socket's pending one and is reported once. A
    ///   socket that is connected to itself is disconnected, and the error is `ECONNREFUSED`.
    ///
    /// The corresponding C functions are `getsockopt` with `SO_ERROR` and `getpeername`.
    public func finishConnect() throws(SocketError) -> ConnectProgress {
        let progress = try endConnect(to: nil)
        if progress == .connected { try refuseItself(near: nil) }
        return progress
    }

    /// As ``finishConnect()``, with a system call less, where it is known what the socket was to be connected to.
    package func finishConnect(to address: SocketAddress) throws(SocketError) -> ConnectProgress {
        let progress = try endConnect(to: address)
        if progress == .connected { try refuseItself(near: address) }
        return progress
    }

    private func endConnect(to address: SocketAddress?) throws(SocketError) -> ConnectProgress {
        let subject = address.map(SocketError.Subject.address)
        if let pending = try takePendingError() {
            throw SocketError(.connect, .system(pending), subject: subject)
        }
        switch System.peerAddress(descriptor) {
        case .success: return .connected
        case .failure(.socketNotConnected): return .inProgress
        case .failure(let errno): throw SocketError(.connect, .system(errno), subject: subject)
        }
    }
}
