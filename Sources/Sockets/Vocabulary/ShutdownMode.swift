// SPDX-License-Identifier: Apache-2.0

/// Which half of a connection `Socket.shutdown(_:)` ends: the second argument of `shutdown(2)`.
public enum ShutdownMode: Hashable, Sendable {
    /// Nothing more will be received (`SHUT_RD`).
    case receiving
    /// Nothing more will be sent; the peer reads the end of the stream after what was sent (`SHUT_WR`).
    case sending
    /// Both (`SHUT_RDWR`).
    case both
}
