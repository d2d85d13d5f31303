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
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - timeout: How long to wait; `nil` leaves it to the system, which for TCP gives up after minutes.
    /// - Throws: `SocketError`, naming the address; with `ETIMEDOUT` when the time is over.
    ///
    /// The corresponding C functions are `socket` and `connect`.
    public static func connect(to address: SocketAddress, timeout: Duration? = nil) throws(SocketError) -> Socket {
        let socket = try Socket(address.family, .stream)
        if let timeout {
            try socket.connect(to: address, timeout: timeout)
        } else {
            try socket.connect(to: address)
        }
        return socket
    }

    /// Creates a stream socket that is connected to a host, whose addresses are tried one after another.
    ///
    /// - Parameters:
    ///   - host: A name, or an address as text.
    ///   - port: The port.
    ///   - timeout: How long to wait for each address; `nil` leaves it to the system.
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
    /// - Throws: `SocketError`, naming the address. On a non-blocking socket use ``startConnect(to:)`` instead.
    ///
    /// The corresponding C function is `connect`.
    public func connect(to address: SocketAddress, retryOnInterrupt: Bool = true) throws(SocketError) {
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
    ///   - timeout: How long to wait, zero or more.
    /// - Throws: `SocketError`, naming the address, with `ETIMEDOUT` when the time is over. The attempt is then
    ///   unfinished, and the socket good for nothing but closing.
    ///
    /// The corresponding C functions are `connect`, `poll` and `getsockopt` with `SO_ERROR`.
    public func connect(to address: SocketAddress, timeout: Duration) throws(SocketError) {
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
        var progress = try startConnect(to: address)
        while progress != .connected {
            if deadline.hasPassed {
                throw SocketError(.connect, .system(.timedOut), subject: .address(address))
            }
            if progress == .wouldBlock {
                // A full backlog of a Unix listener raises no event on this side; look again in a while.
                Deadline(after: min(deadline.remaining, .milliseconds(10))).wait()
                progress = try startConnect(to: address)
            } else {
                _ = try wait(for: .writable, timeout: deadline.remaining)
                progress = try finishConnect(to: address)
            }
        }
    }

    /// Begins to connect a non-blocking socket.
    ///
    /// - Throws: `SocketError`, naming the address, if the attempt failed at once.
    ///
    /// The corresponding C function is `connect`.
    public func startConnect(to address: SocketAddress) throws(SocketError) -> ConnectProgress {
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
    /// - Throws: `SocketError` if the attempt failed. The error is the socket's pending one and is reported once.
    ///
    /// The corresponding C functions are `getsockopt` with `SO_ERROR` and `getpeername`.
    public func finishConnect() throws(SocketError) -> ConnectProgress {
        try finishConnect(to: nil)
    }

    private func finishConnect(to address: SocketAddress?) throws(SocketError) -> ConnectProgress {
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
