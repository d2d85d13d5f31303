// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Sockets
internal import SystemPackage

extension Listener {
    /// Listens on an address.
    ///
    /// A Unix domain socket's file that was left behind by a server that is gone is replaced; one on which somebody
    /// answers is not.
    ///
    /// - Parameters:
    ///   - address: Any stream address. Port 0 asks for a free port: see ``address``.
    ///   - options: How to listen.
    ///   - loop: The loop that waits for connections; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`, naming the address: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` and so on.
    ///
    /// The corresponding C functions are `socket`, `bind` and `listen`.
    public static func bind(
        to address: SocketAddress, options: ListenOptions = ListenOptions(), on loop: EventLoop? = nil
    ) throws(SocketError) -> Listener {
        let loop = try EventLoop.orDefault(loop)
        if case .unix(let name) = address, let path = name.pathBytes {
            let listening = try UnixSocketFile.listen(on: address, path: path, options)
            let file = listening.file
            return Listener(Channel(listening.socket, on: loop), [address], file: file)
        }
        let socket = try socket(on: address, options)
        let bound = try socket.localAddress
        return Listener(Channel(socket, on: loop), [bound])
    }

    /// Listens on a host, on every address that its name has: `localhost` is one of each family.
    ///
    /// - Parameters:
    ///   - host: A name, or an address as text.
    ///   - port: The port; 0 asks for a free one, the same on all addresses.
    ///   - options: How to listen.
    ///   - loop: The loop that waits for connections; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`: the name's, or that of an address. A family that this machine does not have is left out,
    ///   unless it is the only one.
    public static func bind(
        toHost host: String, port: UInt16, options: ListenOptions = ListenOptions(), on loop: EventLoop? = nil
    ) async throws(SocketError) -> Listener {
        let loop = try EventLoop.orDefault(loop)
        let found = try await Resolver.shared.addresses(of: host, port: port, until: Patience(.bind, nil), on: loop)
        return try bind(toHost: host, at: found, options: options, on: loop)
    }

    /// Listens on the addresses of a host that was looked up already, as with `SocketAddress.resolve(host:port:)`.
    ///
    /// This starts no thread and does not wait.
    ///
    /// - Parameters:
    ///   - host: What an error calls the host.
    ///   - addresses: The host's addresses, at least one, with the same port. Of each family the first is used.
    ///   - options: How to listen.
    ///   - loop: The loop that waits for connections; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`, as when the host is looked up here.
    public static func bind(
        toHost host: String, at addresses: [SocketAddress], options: ListenOptions = ListenOptions(),
        on loop: EventLoop? = nil
    ) throws(SocketError) -> Listener {
        guard !addresses.isEmpty else {
            throw SocketError(.bind, .system(.addressNotAvailable), subject: .text(host))
        }
        let loop = try EventLoop.orDefault(loop)
        // A name with one address of each family is what there is room for; /etc/hosts may name one twice.
        var seen: Set<AddressFamily> = []
        let found = addresses.filter { seen.insert($0.family).inserted }
        for _ in 0..<16 {
            if let listener = try bind(toAll: found, options, on: loop) { return listener }
        }
        throw SocketError(.bind, .system(.addressInUse), subject: .text(host))
    }

    /// - Returns: `nil` if the port that was free in one family is not in the other: try another one.
    private static func bind(
        toAll found: [SocketAddress], _ options: ListenOptions, on loop: EventLoop
    ) throws(SocketError) -> Listener? {
        let first: Socket
        var others = found.dropFirst()
        do throws(SocketError) {
            first = try socket(on: found[0], options)
        } catch {
            guard error.isMissingFamily, let other = others.popFirst() else { throw error }
            return try bind(to: other, options: options, on: loop)
        }
        let address = try first.localAddress
        guard let other = others.first, let ip = other.ip, let port = address.port else {
            return Listener(Channel(first, on: loop), [address])
        }
        do throws(SocketError) {
            let second = try socket(on: SocketAddress(ip, port: port), options)
            return Listener(Channel(first, and: second, on: loop), [address, SocketAddress(ip, port: port)])
        } catch {
            if error.isMissingFamily { return Listener(Channel(first, on: loop), [address]) }
            if error.errno == .addressInUse, found[0].port == 0 { return nil }
            throw error
        }
    }

    private static func socket(on address: SocketAddress, _ options: ListenOptions) throws(SocketError) -> Socket {
        // Only accepting needs the mode: the calls that transfer bytes say each time that they do not wait.
        try Socket.listen(on: address, options: options, mode: .nonBlocking) { socket throws(SocketError) in
            // Accepted sockets inherit it.
            if address.ip != nil { try socket.set(.noDelay, to: true) }
        }
    }

    /// Takes over a socket that listens already.
    ///
    /// - Throws: `SocketError` with `EINVAL` if it does not listen.
    public static func adopt(_ socket: consuming Socket, on loop: EventLoop? = nil) throws(SocketError) -> Listener {
        guard try socket.get(.isListening) else { throw SocketError(.listen, .system(.invalidArgument)) }
        let address = try socket.localAddress
        try socket.setBlockingMode(.nonBlocking)
        return Listener(Channel(socket, on: try EventLoop.orDefault(loop)), [address])
    }

    /// The listening stream sockets that the process was started with, as systemd does for a socket unit.
    ///
    /// Others among what was passed are left as they are. The sockets are taken over once: a second call returns none.
    ///
    /// - Returns: None if the process was started otherwise.
    /// - Throws: `SocketError`.
    ///
    /// The corresponding C function is `sd_listen_fds`.
    public static func passedBySystemd(on loop: EventLoop? = nil) throws(SocketError) -> [Listener] {
        var listeners: [Listener] = []
        for descriptor in PassedDescriptors.take() {
            let socket = Socket(adopting: descriptor)
            guard (try? socket.get(.isListening)) == true, (try? socket.get(.type)) == .stream else {
                _ = socket.release()
                continue
            }
            try socket.setInheritable(false)
            listeners.append(try adopt(socket, on: loop))
        }
        return listeners
    }
}

extension SocketError {
    /// Whether this machine lacks the address's family, or has no address of it.
    fileprivate var isMissingFamily: Bool {
        errno == .addressFamilyNotSupported || errno == .addressNotAvailable
    }

    /// Whether the system has no descriptor or memory left, so that what was to be done may be done later.
    var isLackOfResources: Bool {
        switch errno {
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory: true
        default: false
        }
    }

    /// Whether `accept(2)` only tells of the connection it would have returned, which is gone with that: the network
    /// errors of the section "Error handling", and a firewall's no.
    var isOfTheAcceptedConnection: Bool {
        switch errno {
        case .connectionAbort, .notPermitted, .protocolError, .networkDown, .networkUnreachable, .hostIsDown,
            .noRouteToHost, .protocolNotAvailable, Errno(rawValue: ENONET):
            true
        default: false
        }
    }
}
