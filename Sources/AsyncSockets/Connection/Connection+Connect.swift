// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

extension Connection {
    /// Connects to an address.
    ///
    /// A TCP connection gets `TCP_NODELAY`: what is sent leaves at once.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - loop: The loop that is to wait for the connection; `nil` for the one that the caller runs on, or a shared
    ///     one.
    ///   - timeout: How long to wait; `nil` leaves it to the system, which for TCP gives up after minutes. Zero tries
    ///     once, which within this machine is enough.
    /// - Throws: `SocketError`, naming the address: `ECONNREFUSED`, `ETIMEDOUT`, `SocketError.Reason.cancelled` and so
    ///   on.
    ///
    /// The corresponding C functions are `socket` and `connect`.
    public static func connect(
        to address: SocketAddress, on loop: EventLoop? = nil, timeout: Duration? = nil
    ) async throws(SocketError) -> Connection {
        var patience = Patience(.connect, timeout)
        return try await connect(to: address, on: try EventLoop.orDefault(loop), &patience)
    }

    private static func connect(
        to address: SocketAddress, on loop: EventLoop, _ patience: inout Patience
    ) async throws(SocketError) -> Connection {
        let socket = try Socket(address.family, .stream, mode: .nonBlocking)
        try socket.allowIPv4(for: address)
        if address.ip != nil { try socket.set(.noDelay, to: true) }
        let connection = Connection(socket, peer: address, on: loop)
        do throws(SocketError) {
            try await connection.finishConnecting(to: address, &patience)
        } catch {
            throw connection.named(error)
        }
        return connection
    }

    private func finishConnecting(
        to address: SocketAddress, _ patience: inout Patience
    ) async throws(SocketError) {
        try channel.enter(.sending, .connect)
        defer { channel.endSending() }
        var pause: Duration = .milliseconds(1)
        var progress = try channel.socket.startConnect(to: address)
        while progress != .connected {
            if progress == .wouldBlock {
                // A full backlog of a Unix listener raises no event on this side; look again in a while.
                try await channel.pause(pause, &patience)
                pause = min(pause * 2, .milliseconds(100))
                progress = try channel.socket.startConnect(to: address)
            } else if !patience.hasTried, channel.mustNotWait(patience) {
                // Within this machine the connection is made by now.
                patience.hasTried = true
                progress = try channel.socket.finishConnect(to: address)
            } else {
                try await channel.wait(.sending, &patience)
                progress = try channel.socket.finishConnect(to: address)
            }
        }
    }

    /// Connects to a host by its name.
    ///
    /// The name is looked up off the loop: see ``Resolver``. The host's addresses, of both families in turn, are then
    /// raced as RFC 8305 ("Happy Eyeballs") says: each gets a quarter of a second before the next one is tried beside
    /// it, the first that connects is taken, and the others are given up.
    ///
    /// - Parameters:
    ///   - host: A name, or an address as text.
    ///   - port: The port.
    ///   - loop: The loop that is to wait for the connection; `nil` for the one that the caller runs on, or a shared
    ///     one.
    ///   - timeout: How long all of it may take, looking the name up included; `nil` for as long as the system takes.
    ///     With zero each address is tried once, but only an address as text needs no looking up.
    ///   - resolver: Who looks the name up.
    /// - Throws: `SocketError`: the name's, the only address's, or one whose `SocketError.attempts` has an error for
    ///   every address that was tried.
    public static func connect(
        toHost host: String, port: UInt16, on loop: EventLoop? = nil, timeout: Duration? = nil,
        resolver: Resolver = .shared
    ) async throws(SocketError) -> Connection {
        let patience = Patience(.connect, timeout)
        let loop = try EventLoop.orDefault(loop)
        let addresses = try await resolver.addresses(of: host, port: port, until: patience, on: loop)
        return try await race(
            RaceOrder.interleaved(addresses), to: .text("\(host):\(port)"), on: loop, patience)
    }

    /// Connects to whichever of several addresses answers first, trying them one after another, a quarter of a second
    /// apart, as RFC 8305 says.
    ///
    /// - Throws: `SocketError`: the only address's, or one whose `SocketError.attempts` has an error for every address.
    public static func connect(
        toFirstOf addresses: [SocketAddress], on loop: EventLoop? = nil, timeout: Duration? = nil
    ) async throws(SocketError) -> Connection {
        try await race(addresses, to: nil, on: try EventLoop.orDefault(loop), Patience(.connect, timeout))
    }

    private enum RaceEvent: Sendable {
        case ended(Result<Connection, SocketError>)
        /// Nothing has come of the last attempt for a while; the number of attempts that had been begun then.
        case nextIsDue(after: Int)
    }

    private static func race(
        _ addresses: [SocketAddress], to subject: SocketError.Subject?, on loop: EventLoop, _ patience: Patience
    ) async throws(SocketError) -> Connection {
        let result = await withTaskGroup(of: RaceEvent.self) { group -> Result<Connection, SocketError> in
            var waiting = addresses[...]
            var running = 0
            var started = 0
            var attempts: [SocketError] = []
            func startNext() {
                guard let address = waiting.popFirst() else { return }
                running += 1
                started += 1
                group.addTask(executorPreference: loop) {
                    var patience = patience
                    do throws(SocketError) {
                        return .ended(.success(try await connect(to: address, on: loop, &patience)))
                    } catch {
                        return .ended(.failure(error))
                    }
                }
                guard !waiting.isEmpty else { return }
                group.addTask(executorPreference: loop) { [started] in
                    try? await loop.sleep(for: RaceOrder.attemptDelay)
                    return .nextIsDue(after: started)
                }
            }
            startNext()
            while running > 0, let event = await group.next() {
                switch event {
                case .ended(.success(let connection)):
                    group.cancelAll()
                    return .success(connection)
                case .ended(.failure(let error)):
                    running -= 1
                    attempts.append(error)
                    if !Task.isCancelled { startNext() }
                case .nextIsDue(let count):
                    if count == started, !Task.isCancelled { startNext() }
                }
            }
            group.cancelAll()
            if attempts.count == 1 { return .failure(attempts[0]) }
            return .failure(SocketError(.connect, .allAttemptsFailed, subject: subject, attempts: attempts))
        }
        return try result.get()
    }
}

/// In which order and how fast addresses are tried.
enum RaceOrder {
    /// The "Connection Attempt Delay" of RFC 8305, section 5.
    static var attemptDelay: Duration { .milliseconds(250) }

    /// The families in turn, beginning with the first address's; otherwise in the order given (RFC 8305, section 4).
    static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first?.family else { return [] }
        let preferred = addresses.filter { $0.family == first }
        let others = addresses.filter { $0.family != first }
        var result: [SocketAddress] = []
        for index in 0..<max(preferred.count, others.count) {
            if index < preferred.count { result.append(preferred[index]) }
            if index < others.count { result.append(others[index]) }
        }
        return result
    }
}
