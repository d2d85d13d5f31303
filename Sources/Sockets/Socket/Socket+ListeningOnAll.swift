// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Creates a stream socket that listens on a port of all of this machine's addresses, of both families.
    ///
    /// It listens on `::`, and so on `0.0.0.0` too; on `0.0.0.0` alone if the machine has no IPv6. An IPv4 peer of such
    /// a socket has an IPv4-mapped address, about which ``IPAddress`` answers as about the IPv4 address.
    ///
    /// - Parameters:
    ///   - port: The port; 0 asks for a free one: see ``localAddress``.
    ///   - options: How to listen. ``ListenOptions/ipv6Wildcard`` is taken as ``ListenOptions/IPv6Wildcard/dualStack``.
    ///   - mode: Whether the listener's calls wait.
    ///   - prepare: Called with the socket before it is bound.
    /// - Throws: `SocketError` as ``listen(on:options:mode:preparing:)``.
    ///
    /// The corresponding C functions are `socket`, `bind` and `listen`, and `setsockopt` with `IPV6_V6ONLY`.
    public static func listen(
        onPort port: UInt16, options: ListenOptions = ListenOptions(), mode: BlockingMode = .blocking,
        preparing prepare: (borrowing Socket) throws(SocketError) -> Void = { _ in }
    ) throws(SocketError) -> Socket {
        var options = options
        options.ipv6Wildcard = .dualStack
        do throws(SocketError) {
            return try listen(on: .ipv6(.any, port: port), options: options, mode: mode, preparing: prepare)
        } catch {
            guard error.isUnavailableAddress else { throw error }
            return try listen(on: .ipv4(.any, port: port), options: options, mode: mode, preparing: prepare)
        }
    }

    /// Creates stream sockets that listen on every address of a host, each with the scope that it has.
    ///
    /// - Parameters:
    ///   - host: A name, or an address written as text; an IPv6 address may have a scope after a `%`. `localhost`
    ///     usually is one address of each family.
    ///   - port: The port; 0 asks for a free one, the same for all addresses.
    ///   - options: How to listen.
    ///   - mode: Whether the calls of the sockets wait once they are taken from the list.
    ///   - prepare: Called with each socket before it is bound.
    /// - Throws: `SocketError`: the name's, or that of an address. An address that this machine does not have, or whose
    ///   family it does not have, is left out, unless none is left.
    ///
    /// This asks name servers and can block for many seconds. The corresponding C functions are `getaddrinfo`,
    /// `socket`, `bind` and `listen`.
    public static func listen(
        onHost host: String, port: UInt16, options: ListenOptions = ListenOptions(), mode: BlockingMode = .blocking,
        preparing prepare: (borrowing Socket) throws(SocketError) -> Void = { _ in }
    ) throws(SocketError) -> ListeningSockets {
        try listen(
            onAll: try SocketAddress.resolve(host: host, port: port), unavailable: .leaveOut, options: options,
            mode: mode, preparing: prepare)
    }

    /// Creates stream sockets that listen on every address of a list.
    ///
    /// - All addresses with port 0 get the same free port.
    /// - An address that is twice in the list is listened on once.
    /// - `::` accepts IPv6 alone if the list has an IPv4 address with the same port, and otherwise what
    ///   ``ListenOptions/ipv6Wildcard`` says; so `0.0.0.0` and `::` go together.
    ///
    /// - Parameters:
    ///   - addresses: Where to listen; one address at least.
    ///   - unavailable: What to do about an address that this machine does not have.
    ///   - options: How to listen.
    ///   - mode: Whether the calls of the sockets wait once they are taken from the list.
    ///   - prepare: Called with each socket before it is bound.
    /// - Throws: `SocketError`, naming the address. Then no socket listens.
    ///
    /// The corresponding C functions are `socket`, `bind` and `listen`.
    public static func listen(
        onAll addresses: [SocketAddress], unavailable: UnavailableAddresses = .refuse,
        options: ListenOptions = ListenOptions(), mode: BlockingMode = .blocking,
        preparing prepare: (borrowing Socket) throws(SocketError) -> Void = { _ in }
    ) throws(SocketError) -> ListeningSockets {
        var seen: Set<SocketAddress> = []
        // An IPv4-mapped address is the IPv4 address in it.
        let addresses = addresses.filter { seen.insert($0.unmapped).inserted }
        guard let first = addresses.first else { throw SocketError(.listen, .invalid(.noAddress)) }
        // A port that the system finds free for one address may be in use on another.
        for _ in 0..<16 {
            var listening = ListeningSockets(mode: mode)
            if try listening.listen(onAll: addresses, unavailable, options, preparing: prepare) { return listening }
        }
        throw SocketError(.bind, .system(.addressInUse), subject: .address(first))
    }
}

extension ListeningSockets {
    /// - Returns: `false` if the port that was free for one address is in use on another.
    fileprivate mutating func listen(
        onAll addresses: [SocketAddress], _ unavailable: UnavailableAddresses, _ options: ListenOptions,
        preparing prepare: (borrowing Socket) throws(SocketError) -> Void
    ) throws(SocketError) -> Bool {
        var freePort: UInt16?
        var leftOut: [SocketError] = []
        for address in addresses {
            var options = options
            if addresses.contains(where: { $0.isIPv4(onPortOf: address) }) { options.ipv6Wildcard = .ipv6Only }
            do throws(SocketError) {
                let socket = try Socket.listen(
                    on: address.port == 0 ? address.withPort(freePort ?? 0) : address, options: options,
                    mode: .nonBlocking, preparing: prepare)
                let bound = try socket.localAddress
                if address.port == 0 { freePort = bound.port }
                append(socket, on: bound)
            } catch {
                if unavailable == .leaveOut, error.isUnavailableAddress {
                    leftOut.append(error)
                } else if error.errno == .addressInUse, address.port == 0, freePort != nil {
                    return false
                } else {
                    throw error
                }
            }
        }
        guard isEmpty else { return true }
        throw leftOut.count == 1 ? leftOut[0] : SocketError(.bind, .allAttemptsFailed, attempts: leftOut)
    }
}

extension SocketAddress {
    /// Whether this is an IPv4 address, IPv4-mapped ones included, with the port of another address.
    fileprivate func isIPv4(onPortOf other: SocketAddress) -> Bool {
        switch self {
        case .ipv4(_, let port): port == other.port
        case .ipv6(let ip, let port, scope: _, flowInfo: _): ip.ipv4Mapped != nil && port == other.port
        case .unix, .other: false
        }
    }
}

extension SocketError {
    /// Whether this machine lacks the address's family, or has no such address.
    fileprivate var isUnavailableAddress: Bool {
        errno == .addressFamilyNotSupported || errno == .addressNotAvailable
    }
}
