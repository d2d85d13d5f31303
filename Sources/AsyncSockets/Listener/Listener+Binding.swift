// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Sockets
internal import SystemPackage

extension Listener {
    /// Listens on an address.
    ///
    /// A Unix domain socket's file that was left behind by a server that is gone is replaced; one on which somebody
    /// answers is not. On an event loop's thread this does not wait for another program that binds in the same folder
    /// at that moment: then nothing is replaced.
    ///
    /// - Parameters:
    ///   - address: Any stream address. Port 0 asks for a free port: see ``address``. `::` is all addresses of both
    ///     families, unless `ListenOptions.ipv6Wildcard` says otherwise.
    ///   - options: How to listen.
    ///   - loop: The loop that waits for connections; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`, naming the address: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` and so on.
    ///
    /// The corresponding C functions are `socket`, `bind` and `listen`.
    public static func bind(
        to address: SocketAddress, options: ListenOptions = ListenOptions(), on loop: EventLoop? = nil
    ) throws(SocketError) -> Listener {
        try bind(toAll: [address], options: options, on: loop)
    }

    /// Listens on a port of all of this machine's addresses, of both families: on `::`, and so on `0.0.0.0` too, or on
    /// `0.0.0.0` alone if the machine has no IPv6.
    ///
    /// An IPv4 peer then has an IPv4-mapped address such as `::ffff:192.0.2.1`.
    ///
    /// - Parameters:
    ///   - port: The port; 0 asks for a free one: see ``address``.
    ///   - options: How to listen.
    ///   - loop: The loop that waits for connections; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`, naming the address.
    ///
    /// The corresponding C functions are `socket`, `bind` and `listen`, and `setsockopt` with `IPV6_V6ONLY`.
    public static func bind(
        toPort port: UInt16, options: ListenOptions = ListenOptions(), on loop: EventLoop? = nil
    ) throws(SocketError) -> Listener {
        let loop = try EventLoop.orDefault(loop)
        let socket = try Socket.listen(onPort: port, options: options, mode: .nonBlocking, preparing: prepare)
        let address = try socket.localAddress
        return Listener(Channel(socket, on: loop), [address])
    }

    /// Listens on every address of a list, as one listener.
    ///
    /// All addresses with port 0 get the same free port. An address that is twice in the list is listened on once. `::`
    /// and `0.0.0.0` go together: `::` takes IPv6 alone then. Unix domain addresses may be in the list; they come last
    /// in ``addresses``.
    ///
    /// - Parameters:
    ///   - addresses: Where to listen; one address at least.
    ///   - options: How to listen.
    ///   - loop: The loop that waits for connections; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`, naming the address, as ``bind(to:options:on:)``. Then nothing listens.
    ///
    /// The corresponding C functions are `socket`, `bind` and `listen`.
    public static func bind(
        toAll addresses: [SocketAddress], options: ListenOptions = ListenOptions(), on loop: EventLoop? = nil
    ) throws(SocketError) -> Listener {
        try bind(toAll: addresses, unavailable: .refuse, options, on: try EventLoop.orDefault(loop))
    }

    /// Listens on a host, on every address that its name has, each with its scope: `localhost` is one of each family.
    ///
    /// - Parameters:
    ///   - host: A name, or an address as text; an IPv6 address may have a scope after a `%`.
    ///   - port: The port; 0 asks for a free one, the same on all addresses.
    ///   - options: How to listen.
    ///   - loop: The loop that waits for connections; `nil` for the one that the caller runs on, or a shared one.
    ///   - resolver: Who looks the name up.
    /// - Throws: `SocketError`: the name's, or that of an address. An address that this machine does not have, or whose
    ///   family it does not have, is left out, unless none is left.
    public static func bind(
        toHost host: String, port: UInt16, options: ListenOptions = ListenOptions(), on loop: EventLoop? = nil,
        resolver: Resolver = .shared
    ) async throws(SocketError) -> Listener {
        let loop = try EventLoop.orDefault(loop)
        let found = try await resolver.addresses(of: host, port: port, until: Patience(.bind, nil), on: loop)
        return try bind(toAll: found, unavailable: .leaveOut, options, on: loop)
    }

    /// Listens on the addresses of a host that was looked up already, as with `SocketAddress.resolve(host:port:)`.
    ///
    /// This starts no thread and does not wait.
    ///
    /// - Parameters:
    ///   - host: What an error calls the host.
    ///   - addresses: The host's addresses, at least one.
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
        return try bind(toAll: addresses, unavailable: .leaveOut, options, on: try EventLoop.orDefault(loop))
    }

    private static func bind(
        toAll addresses: [SocketAddress], unavailable: UnavailableAddresses, _ options: ListenOptions,
        on loop: EventLoop
    ) throws(SocketError) -> Listener {
        let paths = addresses.filter { $0.socketPath != nil }
        let others = addresses.filter { $0.socketPath == nil }
        var sockets = SocketList()
        var files: [UnixSocketFile] = []
        var bound: [SocketAddress] = []
        do throws(SocketError) {
            // A list without an address is refused there.
            if paths.isEmpty || !others.isEmpty {
                var listening = try Socket.listen(
                    onAll: others, unavailable: unavailable, options: options, mode: .nonBlocking, preparing: prepare)
                bound = listening.addresses
                while let socket = listening.takeFirst() { sockets.append(socket) }
            }
            for address in paths where !bound.contains(address) {
                guard let path = address.socketPath else { continue }
                let listening = try UnixSocketFile.listen(on: address, path: path, options)
                if let file = listening.file { files.append(file) }
                sockets.append(listening.socket)
                bound.append(address)
            }
        } catch {
            for file in files { file.remove() }
            throw error
        }
        return Listener(Channel(sockets, on: loop), bound, files: files)
    }

    /// Sets what accepted sockets inherit. Only accepting needs the non-blocking mode: the calls that transfer bytes
    /// say each time that they do not wait.
    private static func prepare(_ socket: borrowing Socket) throws(SocketError) {
        let family = try socket.get(.family)
        if family == .ipv4 || family == .ipv6 { try socket.set(.noDelay, to: true) }
    }

    /// Takes over a socket that listens already.
    ///
    /// - Throws: `SocketError` with `EINVAL` if it does not listen.
    public static func adopt(_ socket: consuming Socket, on loop: EventLoop? = nil) throws(SocketError) -> Listener {
        guard try socket.get(.isListening) else { throw SocketError(.listen, .system(.invalidArgument)) }
        let address = try socket.localAddress
        try socket.setBlockingMode(.nonBlocking)
        let channel = Channel(socket, on: try EventLoop.orDefault(loop))
        // It may be set to linger, as no socket is that was made here.
        channel.use.set(.mayLinger)
        return Listener(channel, [address])
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

extension SocketAddress {
    /// The path of a Unix domain socket, if it has one.
    fileprivate var socketPath: [UInt8]? {
        if case .unix(let name) = self { name.pathBytes } else { nil }
    }
}

extension SocketError {
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
        // Also what a sandbox answers that refuses the call, and would answer for ever.
        case .notPermitted: !SystemCalls.refuseAccepting
        case .connectionAbort, .protocolError, .networkDown, .networkUnreachable, .hostIsDown,
            .noRouteToHost, .protocolNotAvailable, Errno(rawValue: ENONET):
            true
        default: false
        }
    }
}
