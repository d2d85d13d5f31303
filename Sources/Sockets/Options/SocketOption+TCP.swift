// SPDX-License-Identifier: Apache-2.0

// Options of TCP sockets, `tcp(7)`.
// In the order of their C names within each type of value.

extension SocketOption<CongestionControl> {
    /// The congestion control algorithm (`TCP_CONGESTION`).
    public static var congestionControl: Self { Self(.congestionControl, .congestionControl) }
}

extension SocketOption<Bool> {
    /// Whether only full packets leave, until this is turned off or 200 ms have passed (`TCP_CORK`).
    public static var cork: Self { Self(.cork, .flag) }
    /// Whether connecting waits for the first data and sends it along, RFC 7413 (`TCP_FASTOPEN_CONNECT`).
    public static var fastOpenConnect: Self { Self(.fastOpenConnect, .flag) }
    /// Whether small packets leave at once instead of waiting for an acknowledgement (Nagle's algorithm, RFC 896)
    /// (`TCP_NODELAY`).
    public static var noDelay: Self { Self(.noDelay, .flag) }
    /// Whether acknowledgements are sent at once (`TCP_QUICKACK`). The kernel changes it by itself as the
    /// connection goes on.
    public static var quickAck: Self { Self(.quickAck, .flag) }
    /// Whether a connection with little traffic retransmits at equal, not growing, intervals
    /// (`TCP_THIN_LINEAR_TIMEOUTS`).
    public static var thinLinearTimeouts: Self { Self(.thinLinearTimeouts, .flag) }
}

extension SocketOption<Duration> {
    /// How long a listener waits for a connection's first data before it gives the connection to `accept`, in
    /// seconds; zero does not wait (`TCP_DEFER_ACCEPT`). The kernel rounds it to a number of retransmissions.
    public static var deferAccept: Self { Self(.deferAccept, .int(of: .seconds(1))) }
    /// How long a connection is silent before it is probed, in seconds, 1 to 32,767 (`TCP_KEEPIDLE`).
    public static var keepAliveIdle: Self { Self(.keepAliveIdle, .int(of: .seconds(1))) }
    /// How long there is between two probes, in seconds, 1 to 32,767 (`TCP_KEEPINTVL`).
    public static var keepAliveInterval: Self { Self(.keepAliveInterval, .int(of: .seconds(1))) }
    /// How long a closed connection waits for the peer to close its half too, in seconds (`TCP_LINGER2`).
    public static var finWaitTimeout: Self { Self(.finWaitTimeout, .int(of: .seconds(1))) }
    /// How long sent data may stay unacknowledged before the connection is given up, in milliseconds; zero leaves
    /// it to the system (`TCP_USER_TIMEOUT`). RFC 5482. Any other value also decides when probes of a silent connection
    /// give it up, in place of ``keepAliveCount``: see ``KeepAlive``.
    public static var userTimeout: Self { Self(.userTimeout, .int(of: .milliseconds(1))) }
}

extension SocketOption<Int> {
    /// How many connections whose first data came with their first packet a listener holds, RFC 7413; 0 accepts
    /// none (`TCP_FASTOPEN`).
    public static var fastOpen: Self { Self(.fastOpen, .count) }
    /// How many unanswered probes end a connection, 1 to 127 (`TCP_KEEPCNT`). Not heeded where ``userTimeout`` is set.
    public static var keepAliveCount: Self { Self(.keepAliveCount, .ranged(1...127)) }
    /// The largest segment, in bytes (`TCP_MAXSEG`). What is set before connecting is a limit; what is read is what
    /// the connection uses.
    public static var maximumSegmentSize: Self { Self(.maximumSegmentSize, .count) }
    /// How many times a connection attempt's first packet is sent again, 1 to 127 (`TCP_SYNCNT`).
    public static var connectRetries: Self { Self(.connectRetries, .ranged(1...127)) }
    /// The largest receive window to offer, in bytes (`TCP_WINDOW_CLAMP`). The kernel raises it to half of its
    /// smallest buffer.
    public static var windowClamp: Self { Self(.windowClamp, .count) }
}

extension SocketOption<UInt32> {
    /// How many unsent bytes there may be for the socket to count as writable (`TCP_NOTSENT_LOWAT`).
    public static var notSentLowWaterMark: Self { Self(.notSentLowWaterMark, .uint32) }
}
