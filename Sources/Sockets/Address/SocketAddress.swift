// SPDX-License-Identifier: Apache-2.0

/// Where a socket is: an IP address and port, a Unix domain address, or the bytes of a family this library does not
/// know.
///
/// ```swift
/// let here = SocketAddress.ipv4(.loopback, port: 8080)
/// let there = try SocketAddress(parsing: "[2001:db8::1]:80")
/// let file = try SocketAddress(unixPath: "/run/talkback.sock")
/// ```
///
/// The corresponding C type is `sockaddr_storage`.
public enum SocketAddress: Hashable, Sendable {
    /// An IPv4 address and port, `ip(7)`.
    case ipv4(IPv4Address, port: UInt16)
    /// An IPv6 address and port, `ipv6(7)`. A link-local address needs the index of its interface as `scope`.
    case ipv6(IPv6Address, port: UInt16, scope: UInt32 = 0, flowInfo: UInt32 = 0)
    /// A Unix domain address, `unix(7)`.
    case unix(UnixAddress)
    /// An address of another family, carried as it is.
    case other(OpaqueAddress)
}

/// A socket address of a family this library does not know: its family and its bytes.
public struct OpaqueAddress: Hashable, Sendable {
    /// The most bytes that an address can have after its family.
    public static let maximumLength = 126

    /// The family.
    public let family: AddressFamily
    /// The bytes of the `sockaddr` after its family.
    public let bytes: [UInt8]

    /// An address of any family from the bytes that follow the family in its `sockaddr`.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/textTooLong(limit:)`` for more than 126 bytes.
    public init(family: AddressFamily, bytes: [UInt8]) throws(SocketError) {
        guard bytes.count <= Self.maximumLength else {
            throw SocketError(.parseAddress, .invalid(.textTooLong(limit: Self.maximumLength)))
        }
        self.family = family
        self.bytes = bytes
    }

    init(family: AddressFamily, unchecked bytes: [UInt8]) {
        self.family = family
        self.bytes = bytes
    }
}

extension SocketAddress {
    /// An IP address and port.
    public init(_ address: IPAddress, port: UInt16) {
        switch address {
        case .v4(let address): self = .ipv4(address, port: port)
        case .v6(let address): self = .ipv6(address, port: port)
        }
    }

    /// An IP address written as text, without brackets, and a port.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/portOutOfRange``,
    ///   ``SocketError/InvalidArgument/emptyHost`` or ``SocketError/InvalidArgument/malformedAddress``. Names are
    ///   not resolved here: see ``SocketAddress/resolve(host:port:family:type:)``.
    public init(_ address: String, port: Int) throws(SocketError) {
        guard let port = UInt16(exactly: port) else {
            throw SocketError(.parseAddress, .invalid(.portOutOfRange), subject: .text("\(address):\(port)"))
        }
        guard !address.isEmpty else { throw SocketError(.parseAddress, .invalid(.emptyHost)) }
        guard let address = IPAddress(address) else {
            throw SocketError(.parseAddress, .invalid(.malformedAddress), subject: .text(address))
        }
        self.init(address, port: port)
    }

    /// The address of the socket file at `unixPath`.
    ///
    /// - Throws: `SocketError` for a path that is empty, longer than 108 bytes, or contains a zero byte.
    public init(unixPath: some StringProtocol) throws(SocketError) {
        self = .unix(try UnixAddress(path: unixPath))
    }

    /// The family.
    public var family: AddressFamily {
        switch self {
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        case .unix: .unix
        case .other(let address): address.family
        }
    }

    /// The IP address, if the family is one of the two that have one.
    public var ip: IPAddress? {
        switch self {
        case .ipv4(let address, port: _): .v4(address)
        case .ipv6(let address, port: _, scope: _, flowInfo: _): .v6(address)
        case .unix, .other: nil
        }
    }

    /// The address with another port; an address without ports as it is.
    public func withPort(_ port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let address, port: _): .ipv4(address, port: port)
        case .ipv6(let address, port: _, let scope, let flowInfo):
            .ipv6(address, port: port, scope: scope, flowInfo: flowInfo)
        case .unix, .other: self
        }
    }

    /// The port, if the address is an IP address. Zero asks for any free port when bound to.
    public var port: UInt16? {
        switch self {
        case .ipv4(_, let port): port
        case .ipv6(_, let port, scope: _, flowInfo: _): port
        case .unix, .other: nil
        }
    }
}
