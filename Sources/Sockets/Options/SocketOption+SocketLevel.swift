// SPDX-License-Identifier: Apache-2.0

// Options of sockets of every family, `socket(7)`.
// In the order of their C names within each type of value.

extension ReadOnlySocketOption<Bool> {
    /// Whether the socket listens for connections (`SO_ACCEPTCONN`).
    public static var isListening: Self { Self(.isListening, .flag) }
}

extension SocketOption<String> {
    /// The only network interface, by name, that the socket uses; empty for any (`SO_BINDTODEVICE`). Setting it may
    /// need the CAP_NET_RAW capability.
    public static var boundDevice: Self { Self(.boundDevice, .text(limit: 15)) }
}

extension SocketOption<Bool> {
    /// Whether datagrams may be sent to broadcast addresses (`SO_BROADCAST`). Off at first.
    public static var broadcast: Self { Self(.broadcast, .flag) }
    /// Whether the kernel records debugging information (`SO_DEBUG`). Turning it on needs the CAP_NET_ADMIN
    /// capability.
    public static var debug: Self { Self(.debug, .flag) }
    /// Whether packets go to directly connected networks only, past the routing table (`SO_DONTROUTE`).
    public static var doNotRoute: Self { Self(.doNotRoute, .flag) }
    /// Whether a silent connection is probed, so that a vanished peer is noticed (`SO_KEEPALIVE`). See
    /// ``keepAliveIdle``, ``keepAliveInterval`` and ``keepAliveCount``.
    public static var keepAlive: Self { Self(.keepAlive, .flag) }
    /// Whether TCP's urgent byte is received in its place in the stream (`SO_OOBINLINE`).
    public static var outOfBandInline: Self { Self(.outOfBandInline, .flag) }
    /// Whether messages on a Unix socket come with ``ControlMessage/credentials(_:)`` (`SO_PASSCRED`).
    public static var passCredentials: Self { Self(.passCredentials, .flag) }
    /// Whether an address may be bound to while old connections of it are still being forgotten (`SO_REUSEADDR`).
    public static var reuseAddress: Self { Self(.reuseAddress, .flag) }
    /// Whether several sockets, all with this option, may be bound to one address and share its traffic
    /// (`SO_REUSEPORT`).
    public static var reusePort: Self { Self(.reusePort, .flag) }
    /// Whether messages come with a ``ControlMessage/timestamp(_:)`` of microseconds (`SO_TIMESTAMP`).
    public static var receiveTimestamps: Self { Self(.receiveTimestamps, .flag) }
    /// Whether messages come with a ``ControlMessage/timestamp(_:)`` of nanoseconds (`SO_TIMESTAMPNS`).
    public static var receiveNanosecondTimestamps: Self { Self(.receiveNanosecondTimestamps, .flag) }
    /// Whether ``SendFlags/zeroCopy`` may be used (`SO_ZEROCOPY`).
    public static var zeroCopy: Self { Self(.zeroCopy, .flag) }
}

extension SocketOption<Duration> {
    /// How long a blocking receive polls the network device before it sleeps, in microseconds (`SO_BUSY_POLL`).
    /// Raising it needs the CAP_NET_ADMIN capability.
    public static var busyPoll: Self { Self(.busyPoll, .int(of: .microseconds(1))) }
    /// How long receiving and accepting wait, in microseconds, rounded up by the kernel to its clock's ticks; zero
    /// waits for ever (`SO_RCVTIMEO`). What is over fails with ``SocketError/isWouldBlock``.
    public static var receiveTimeout: Self { Self(.receiveTimeout, .timeval) }
    /// How long sending and connecting wait, in microseconds, rounded up by the kernel to its clock's ticks; zero
    /// waits for ever (`SO_SNDTIMEO`). What is over fails with ``SocketError/isWouldBlock``, a connect with
    /// `EINPROGRESS`.
    public static var sendTimeout: Self { Self(.sendTimeout, .timeval) }
}

extension ReadOnlySocketOption<UInt64> {
    /// A number that no other socket has while the system runs (`SO_COOKIE`).
    public static var cookie: Self { Self(.cookie, .cookie) }
}

extension ReadOnlySocketOption<AddressFamily> {
    /// The family the socket was created with (`SO_DOMAIN`).
    public static var family: Self { Self(.family, .family) }
}

extension SocketOption<Int> {
    /// The processor that the socket prefers packets from; -1 if none was set and none has come
    /// (`SO_INCOMING_CPU`).
    public static var incomingCPU: Self { Self(.incomingCPU, .int) }
    /// The priority of outgoing packets in their queue, 0 to 6; more needs the CAP_NET_ADMIN capability
    /// (`SO_PRIORITY`).
    public static var priority: Self { Self(.priority, .int) }
    /// How many bytes the kernel holds for this socket to receive (`SO_RCVBUF`). Linux doubles what is set, to
    /// count its own bookkeeping, and that is what is read.
    public static var receiveBufferSize: Self { Self(.receiveBufferSize, .count) }
    /// How many bytes must have arrived before a receive returns or the socket counts as readable (`SO_RCVLOWAT`).
    public static var receiveLowWaterMark: Self { Self(.receiveLowWaterMark, .count) }
    /// How many bytes the kernel holds that this socket has sent (`SO_SNDBUF`). Linux doubles what is set, to count
    /// its own bookkeeping, and that is what is read.
    public static var sendBufferSize: Self { Self(.sendBufferSize, .count) }
}

extension SocketOption<Linger> {
    /// What closing does with output that was not delivered yet (`SO_LINGER`).
    public static var linger: Self { Self(.linger, .linger) }
}

extension SocketOption<UInt32> {
    /// The mark that routing rules and packet filters see (`SO_MARK`). Setting it needs the CAP_NET_ADMIN or
    /// CAP_NET_RAW capability.
    public static var mark: Self { Self(.mark, .uint32) }
}

extension ReadOnlySocketOption<Credentials> {
    /// The process at the other end of a Unix connection, as it was when the connection was made (`SO_PEERCRED`).
    public static var peerCredentials: Self { Self(.peerCredentials, .credentials) }
}

extension ReadOnlySocketOption<SocketProtocol> {
    /// The protocol the socket was created with, or the family's own choice (`SO_PROTOCOL`).
    public static var `protocol`: Self { Self(.socketProtocol, .protocol) }
}

extension WriteOnlySocketOption<Int> {
    /// As ``SocketOption/receiveBufferSize``, past the system's limit; needs the CAP_NET_ADMIN capability
    /// (`SO_RCVBUFFORCE`). Only set: what is read back is ``SocketOption/receiveBufferSize``.
    public static var receiveBufferSizePastLimit: Self { Self(.receiveBufferSizePastLimit, .count) }
    /// As ``SocketOption/sendBufferSize``, past the system's limit; needs the CAP_NET_ADMIN capability
    /// (`SO_SNDBUFFORCE`). Only set: what is read back is ``SocketOption/sendBufferSize``.
    public static var sendBufferSizePastLimit: Self { Self(.sendBufferSizePastLimit, .count) }
}

extension ReadOnlySocketOption<Int> {
    /// How much room there must be for the socket to count as writable (`SO_SNDLOWAT`). Linux does not let it be
    /// set.
    public static var sendLowWaterMark: Self { Self(.sendLowWaterMark, .int) }
}

extension ReadOnlySocketOption<SocketType> {
    /// The type the socket was created with (`SO_TYPE`).
    public static var type: Self { Self(.type, .type) }
}
