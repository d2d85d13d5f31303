// SPDX-License-Identifier: Apache-2.0

/// How TCP finds out that a peer has vanished without a word: the options of `tcp(7)` that decide it together.
///
/// A connection that is silent for ``idle`` is probed every ``interval``, and given up, with `ETIMEDOUT`, after
/// ``count`` probes without an answer. Data that was sent and is not acknowledged is given up after the user time-out.
///
/// The two depend on each other: where `TCP_USER_TIMEOUT` is set, Linux ignores the count, and gives a probed
/// connection up at the first probe at which the peer has been silent for the user time-out. A user time-out of 60
/// seconds beside an idle time of 60 seconds would thus make any count one probe. ``UserTimeout/matching``, the
/// default, is the time after which the probes give the connection up, so that both rules say the same.
public struct KeepAlive: Hashable, Sendable {
    /// How long nothing has to come before the first probe is sent: whole seconds, 1 to 32,767.
    public var idle: Duration
    /// The time between probes: whole seconds, 1 to 32,767.
    public var interval: Duration
    /// How many probes go unanswered before the connection is given up, 1 to 127.
    public var count: Int
    /// How long what was sent may go unacknowledged before the connection is given up.
    public var userTimeout: UserTimeout

    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`, RFC 5482).
    public enum UserTimeout: Hashable, Sendable {
        /// As long as the probes of a silent connection take: ``KeepAlive/detectionTime``.
        case matching
        /// As long as the system retransmits, about a quarter of an hour (`net.ipv4.tcp_retries2`); ``KeepAlive/count``
        /// then counts for silent connections.
        case system
        /// This long: whole milliseconds. For silent connections it takes the place of ``KeepAlive/count``.
        case after(Duration)
    }

    /// Values that find a vanished peer within two minutes, and bear one that is out of reach for less than one.
    public init(
        idle: Duration = .seconds(60), interval: Duration = .seconds(10), count: Int = 6,
        userTimeout: UserTimeout = .matching
    ) {
        self.idle = idle
        self.interval = interval
        self.count = count
        self.userTimeout = userTimeout
    }

    /// How long a peer is silent when a connection that sends nothing is given up, if the count decides:
    /// ``idle`` and ``count`` times ``interval``. The largest duration if no duration can hold it.
    public var detectionTime: Duration {
        let probes = interval.attoseconds.multipliedReportingOverflow(by: Int128(count))
        let sum = idle.attoseconds.addingReportingOverflow(probes.partialValue)
        return Duration(attoseconds: probes.overflow || sum.overflow ? .max : sum.partialValue)
    }
}

extension Socket {
    /// Makes TCP find out when the peer has vanished; calls then fail with `ETIMEDOUT`.
    ///
    /// - Throws: `SocketError`, naming the option: for a value out of its range, and for a socket that is not TCP's
    ///   (`EOPNOTSUPP`, `ENOPROTOOPT`). Some of the options may have been set then; probing is not.
    ///
    /// The corresponding C function is `setsockopt` with `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`,
    /// `TCP_USER_TIMEOUT` and `SO_KEEPALIVE`.
    public func set(_ keepAlive: KeepAlive) throws(SocketError) {
        try set(.keepAliveIdle, to: keepAlive.idle)
        try set(.keepAliveInterval, to: keepAlive.interval)
        try set(.keepAliveCount, to: keepAlive.count)
        switch keepAlive.userTimeout {
        case .matching:
            // Zero, with which the count decides, where the option cannot hold the time: more than 24 days.
            let time = keepAlive.detectionTime
            try set(.userTimeout, to: time <= .milliseconds(Int32.max) ? time : .zero)
        case .system: try set(.userTimeout, to: .zero)
        case .after(let time): try set(.userTimeout, to: time)
        }
        try set(.keepAlive, to: true)
    }
}
