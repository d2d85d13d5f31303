// SPDX-License-Identifier: Apache-2.0

/// How a socket carries data: the second argument of `socket(2)`.
public struct SocketType: RawRepresentable, Hashable, Sendable {
    /// The `SOCK_` constant's value.
    public var rawValue: Int32

    /// A type by its `SOCK_` constant's value.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// An ordered, reliable stream of bytes in both directions, without message boundaries (`SOCK_STREAM`).
    public static let stream = SocketType(rawValue: Constants.typeStream)
    /// Separate messages, which may be lost, doubled or reordered on the way (`SOCK_DGRAM`).
    public static let datagram = SocketType(rawValue: Constants.typeDatagram)
    /// Ordered, reliable messages over a connection (`SOCK_SEQPACKET`).
    public static let sequencedPacket = SocketType(rawValue: Constants.typeSequencedPacket)
    /// Packets of a network protocol as they are (`SOCK_RAW`), `raw(7)`; needs the CAP_NET_RAW capability.
    public static let raw = SocketType(rawValue: Constants.typeRaw)
}

extension SocketType: CustomStringConvertible {
    /// The C constant's name, or the number of a type without a name here.
    public var description: String {
        switch self {
        case .stream: "SOCK_STREAM"
        case .datagram: "SOCK_DGRAM"
        case .sequencedPacket: "SOCK_SEQPACKET"
        case .raw: "SOCK_RAW"
        default: "SOCK(\(rawValue))"
        }
    }
}
