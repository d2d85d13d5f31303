// SPDX-License-Identifier: Apache-2.0

/// The protocol of a socket: the third argument of `socket(2)`.
public struct SocketProtocol: RawRepresentable, Hashable, Sendable {
    /// The protocol's number, an `IPPROTO_` constant for the IP families.
    public var rawValue: Int32

    /// A protocol by its number.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The family's own choice for the socket's type: TCP for an IP stream, UDP for IP datagrams (0).
    public static let `default` = SocketProtocol(rawValue: 0)
    /// The Transmission Control Protocol (`IPPROTO_TCP`), `tcp(7)`.
    public static let tcp = SocketProtocol(rawValue: Constants.protocolTCP)
    /// The User Datagram Protocol (`IPPROTO_UDP`), `udp(7)`.
    public static let udp = SocketProtocol(rawValue: Constants.protocolUDP)
    /// IPv4's control messages (`IPPROTO_ICMP`), `icmp(7)`.
    public static let icmp = SocketProtocol(rawValue: Constants.protocolICMP)
    /// IPv6's control messages (`IPPROTO_ICMPV6`).
    public static let icmpv6 = SocketProtocol(rawValue: Constants.protocolICMPv6)
    /// TCP over several paths at once (`IPPROTO_MPTCP`), RFC 8684.
    public static let mptcp = SocketProtocol(rawValue: Constants.protocolMPTCP)
}

extension SocketProtocol: CustomStringConvertible {
    /// The protocol's name, or the number of a protocol without a name here.
    public var description: String {
        switch self {
        case .default: "default"
        case .tcp: "TCP"
        case .udp: "UDP"
        case .icmp: "ICMP"
        case .icmpv6: "ICMPv6"
        case .mptcp: "MPTCP"
        default: "protocol \(rawValue)"
        }
    }
}
