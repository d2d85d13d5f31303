// SPDX-License-Identifier: Apache-2.0

extension SocketAddress {
    /// The addresses of a host, in the order in which they should be tried.
    ///
    /// - Parameters:
    ///   - host: A name, or an address written as text; an IPv6 address may have a scope after a `%`.
    ///   - port: The port to put into the addresses.
    ///   - family: The only family wanted, or ``AddressFamily/unspecified`` for both.
    ///   - type: The type of socket the addresses are for.
    /// - Throws: `SocketError` with a ``NameResolutionFailure``, or with ``SocketError/InvalidArgument/emptyHost``.
    ///
    /// This asks name servers and can block for many seconds. The corresponding C function is `getaddrinfo`.
    public static func resolve(
        host: String, port: UInt16, family: AddressFamily = .unspecified, type: SocketType = .stream
    ) throws(SocketError) -> [SocketAddress] {
        try resolve(NameQuery(host: host, service: String(port), family: family, type: type, numericService: true))
    }

    /// The addresses of a host with the port of a named service, such as `http`.
    ///
    /// - Parameters:
    ///   - host: A name, or an address written as text.
    ///   - service: A service's name in `/etc/services`, or a port as text.
    ///   - family: The only family wanted, or ``AddressFamily/unspecified`` for both.
    ///   - type: The type of socket, which is part of what a service's name means.
    /// - Throws: `SocketError` with a ``NameResolutionFailure``, or with ``SocketError/InvalidArgument/emptyHost``.
    ///
    /// This asks name servers and can block for many seconds. The corresponding C function is `getaddrinfo`.
    public static func resolve(
        host: String, service: String, family: AddressFamily = .unspecified, type: SocketType = .stream
    ) throws(SocketError) -> [SocketAddress] {
        try resolve(NameQuery(host: host, service: service, family: family, type: type, numericService: false))
    }

    private static func resolve(_ query: NameQuery) throws(SocketError) -> [SocketAddress] {
        func failed(_ reason: SocketError.Reason) -> SocketError {
            SocketError(.resolve, reason, subject: .text(query.host))
        }
        guard !query.host.isEmpty else { throw failed(.invalid(.emptyHost)) }
        guard !query.host.utf8.contains(0), !query.service.utf8.contains(0) else { throw failed(.invalid(.zeroByte)) }
        switch System.resolve(query) {
        case .success(let addresses): return addresses
        case .failure(.code(let code)): throw failed(.nameResolution(code))
        case .failure(.system(let errno)): throw failed(.system(errno))
        }
    }
}

/// One question to `getaddrinfo(3)`.
struct NameQuery {
    var host: String
    var service: String
    var family: AddressFamily
    var type: SocketType
    /// Whether the service is a port's number, so that no service is looked up.
    var numericService: Bool
}
