// SPDX-License-Identifier: Apache-2.0

// Options of UDP sockets, `udp(7)`.
// In the order of their C names within each type of value.

extension SocketOption<Bool> {
    /// Whether what is sent is gathered into one datagram until this is turned off (`UDP_CORK`).
    public static var udpCork: Self { Self(.udpCork, .flag) }
    /// Whether several datagrams of a sender may be received as one, with ``ControlMessage/udpSegmentSize(_:)``
    /// (`UDP_GRO`).
    public static var udpReceiveOffload: Self { Self(.udpReceiveOffload, .flag) }
}

extension SocketOption<Int> {
    /// The size of the datagrams that a larger message is cut into, in bytes; 0 does not cut (`UDP_SEGMENT`).
    public static var udpSegmentSize: Self { Self(.udpSegmentSize, .ranged(0...65535)) }
}
