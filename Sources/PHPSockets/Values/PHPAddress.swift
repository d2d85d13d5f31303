// SPDX-License-Identifier: Apache-2.0

internal import Sockets

/// An address as PHP gives it: a string and a port.
struct PHPEndpoint {
    private let family: Int
    private let text: PHPString
    private let port: UInt16

    /// Checks what can be checked without the system.
    ///
    /// - Parameters:
    ///   - port: The port; `nil` where the family needs none, or to be refused where it does.
    ///   - positions: Which arguments of the function the address and the port are.
    init(
        _ function: String, _ socket: PHPSocket, _ text: PHPString, port: Int?, positions: (address: Int, port: Int)
    ) throws(PHPError) {
        family = socket.family
        self.text = text
        switch family {
        case AF_UNIX:
            // PHP takes 107. Linux takes one more, and so may report it.
            guard text.count <= PHPAddress.longestPath else {
                throw .value(function, positions.address, "address", "must be less than 109")
            }
            self.port = 0
        case AF_INET, AF_INET6:
            guard let port else {
                let name = family == AF_INET ? "AF_INET" : "AF_INET6"
                throw .value(function, positions.port, "port", "cannot be null when the socket type is \(name)")
            }
            guard let port = UInt16(exactly: port) else {
                throw .value(function, positions.port, "port", "must be between 0 and 65535")
            }
            self.port = port
        default:
            throw .value(function, 1, "socket", "must be one of AF_UNIX, AF_INET, or AF_INET6")
        }
    }

    /// The address; a host that is a name is looked up.
    func resolved() throws(SocketError) -> SocketAddress {
        switch family {
        case AF_UNIX: try PHPAddress.unix(text)
        case AF_INET: try PHPAddress.ipv4(text.description, port: port)
        default: try PHPAddress.ipv6(text.description, port: port)
        }
    }
}

/// Addresses as PHP reads and writes them.
enum PHPAddress {
    /// The size of `sun_path`: of the longest path without its zero byte, and of the longest abstract name with its
    /// own.
    static let longestPath = UnixAddress.maximumPathLength

    /// A path; an abstract name if a zero byte is first; no name if it is empty.
    static func unix(_ text: PHPString) throws(SocketError) -> SocketAddress {
        guard let first = text.first else { return .unix(.unnamed) }
        if first == 0 { return .unix(try UnixAddress(abstractName: Array(text.bytes.dropFirst()))) }
        // A path ends at a zero byte, as it does for the kernel.
        return .unix(try UnixAddress(path: Array(text.bytes.prefix { $0 != 0 })))
    }

    static func ipv4(_ host: String, port: UInt16) throws(SocketError) -> SocketAddress {
        if let address = IPv4Address(host) { return .ipv4(address, port: port) }
        guard !host.isEmpty, !host.utf8.contains(0), IPv6Address(host) == nil else {
            throw SocketError(.resolve, .nameResolution(.serverFailure), subject: .text(host))
        }
        guard host.utf8.count <= 255 else { throw SocketError(.resolve, .nameResolution(.unknownName)) }
        return try first(of: try SocketAddress.resolve(host: host, port: port, family: .ipv4), host)
    }

    static func ipv6(_ host: String, port: UInt16) throws(SocketError) -> SocketAddress {
        if let address = IPv6Address(host) { return .ipv6(address, port: port, scope: 0, flowInfo: 0) }
        if let address = IPv4Address(host) {
            return .ipv6(IPv6Address(mapped: address), port: port, scope: 0, flowInfo: 0)
        }
        guard !host.isEmpty, !host.utf8.contains(0) else {
            throw SocketError(.resolve, .nameResolution(.serverFailure), subject: .text(host))
        }
        do throws(SocketError) {
            return try first(of: try SocketAddress.resolve(host: host, port: port, family: .ipv6), host)
        } catch {
            // A host of IPv4 only is reached through its mapped address.
            guard case .ipv4(let address, _) = try? ipv4(host, port: port) else { throw error }
            return .ipv6(IPv6Address(mapped: address), port: port, scope: 0, flowInfo: 0)
        }
    }

    private static func first(of addresses: [SocketAddress], _ host: String) throws(SocketError) -> SocketAddress {
        guard let first = addresses.first else {
            throw SocketError(.resolve, .nameResolution(.noAddress), subject: .text(host))
        }
        return first
    }

    /// The address as a string: an IP address, a path, an abstract name behind a zero byte, as all functions take it,
    /// or nothing for a socket without a name.
    static func string(_ address: SocketAddress) -> PHPString {
        switch address {
        case .unix(let address): unix(address)
        default: PHPString(address.ip?.description ?? "")
        }
    }

    static func unix(_ address: UnixAddress) -> PHPString {
        PHPString(address.pathBytes ?? address.abstractName.map { [0] + $0 } ?? [])
    }

    /// The index of an interface; `nil`, with PHP's warning, if there is none of that name.
    static func index(of interface: PHPInterface, _ function: String) throws(PHPError) -> UInt32? {
        switch interface {
        case .index(let index):
            guard let index = UInt32(exactly: index) else {
                throw PHPError(.valueError, "Index must be between 0 and 4294967295")
            }
            return index
        case .name(let name):
            if let found = try? NetworkInterface(name: name) { return found.index }
            PHPWarning.give(function, "No interface with name \"\(name)\" could be found")
            return nil
        }
    }
}
