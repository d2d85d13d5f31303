// SPDX-License-Identifier: Apache-2.0

/// The layer that a socket option belongs to: the second argument of `getsockopt(2)`.
public struct SocketOptionLevel: RawRepresentable, Hashable, Sendable {
    /// The `SOL_` or `IPPROTO_` constant's value.
    public var rawValue: Int32

    /// A level by the value of its constant.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Sockets of every family (`SOL_SOCKET`), `socket(7)`.
    public static let socket = SocketOptionLevel(rawValue: Constants.levelSocket)
    /// IPv4 (`IPPROTO_IP`), `ip(7)`.
    public static let ipv4 = SocketOptionLevel(rawValue: Constants.levelIPv4)
    /// IPv6 (`IPPROTO_IPV6`), `ipv6(7)`.
    public static let ipv6 = SocketOptionLevel(rawValue: Constants.levelIPv6)
    /// TCP (`IPPROTO_TCP`), `tcp(7)`.
    public static let tcp = SocketOptionLevel(rawValue: Constants.protocolTCP)
    /// UDP (`IPPROTO_UDP`), `udp(7)`.
    public static let udp = SocketOptionLevel(rawValue: Constants.protocolUDP)
}

/// Which option of which level, without the type of its value.
public struct SocketOptionName: Hashable, Sendable {
    /// The level.
    public let level: SocketOptionLevel
    /// The number of the option within its level.
    public let number: Int32
    /// The C constant's name, where this library knows the option.
    public let spelling: String?

    /// An option by its numbers.
    public init(level: SocketOptionLevel, number: Int32) {
        self.init(level, number, nil)
    }

    init(_ level: SocketOptionLevel, _ number: Int32, _ spelling: String?) {
        self.level = level
        self.number = number
        self.spelling = spelling
    }
}

extension SocketOptionName: CustomStringConvertible {
    /// The C constant's name, or the two numbers of an option without a name here.
    public var description: String {
        spelling ?? "number \(number) of level \(level.rawValue)"
    }
}
