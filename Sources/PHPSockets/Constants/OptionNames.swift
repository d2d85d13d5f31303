// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

// Each has a lower rank than the constant of the same name in Glibc, so that both can be imported: PHP's functions take
// the Int here, C's functions the other.

// MARK: Options of every socket, SOL_SOCKET

/// Record what happens, for the kernel's debugging.
@_disfavoredOverload public let SO_DEBUG: Int = 1

/// Bind although old connections of the address are remembered.
@_disfavoredOverload public let SO_REUSEADDR: Int = 2

/// The socket's type.
@_disfavoredOverload public let SO_TYPE: Int = 3

/// The pending error; reading it clears it.
@_disfavoredOverload public let SO_ERROR: Int = 4

/// Send to directly connected hosts only.
@_disfavoredOverload public let SO_DONTROUTE: Int = 5

/// Send to broadcast addresses.
@_disfavoredOverload public let SO_BROADCAST: Int = 6

/// The size of the send buffer; Linux doubles what is set.
@_disfavoredOverload public let SO_SNDBUF: Int = 7

/// The size of the receive buffer; Linux doubles what is set.
@_disfavoredOverload public let SO_RCVBUF: Int = 8

/// Ask a silent peer now and then whether it is there.
@_disfavoredOverload public let SO_KEEPALIVE: Int = 9

/// Leave the urgent byte among the others.
@_disfavoredOverload public let SO_OOBINLINE: Int = 10

/// What closing does with what is not sent yet.
@_disfavoredOverload public let SO_LINGER: Int = 13

/// Several sockets may bind the same address.
@_disfavoredOverload public let SO_REUSEPORT: Int = 15

/// Receive the sender's credentials.
@_disfavoredOverload public let SO_PASSCRED: Int = 16

/// So many bytes make the socket readable.
@_disfavoredOverload public let SO_RCVLOWAT: Int = 18

/// So many bytes of room make the socket writable; Linux does not let it be set.
@_disfavoredOverload public let SO_SNDLOWAT: Int = 19

/// How long receiving and accepting wait.
@_disfavoredOverload public let SO_RCVTIMEO: Int = 20

/// How long sending and connecting wait.
@_disfavoredOverload public let SO_SNDTIMEO: Int = 21

/// The only interface to use.
@_disfavoredOverload public let SO_BINDTODEVICE: Int = 25

/// The mark on the packets, for routing and filters.
@_disfavoredOverload public let SO_MARK: Int = 36

/// Which extensions filters have.
@_disfavoredOverload public let SO_BPF_EXTENSIONS: Int = 48

/// The processor that handles what arrives.
@_disfavoredOverload public let SO_INCOMING_CPU: Int = 49

/// What memory the socket uses.
@_disfavoredOverload public let SO_MEMINFO: Int = 55

/// Allow MSG_ZEROCOPY.
@_disfavoredOverload public let SO_ZEROCOPY: Int = 60

// MARK: Options of TCP, SOL_TCP

/// Send small pieces at once.
@_disfavoredOverload public let TCP_NODELAY: Int = 1

/// Seconds of silence before the first question.
@_disfavoredOverload public let TCP_KEEPIDLE: Int = 4

/// Seconds between questions.
@_disfavoredOverload public let TCP_KEEPINTVL: Int = 5

/// Questions without an answer before the connection is given up.
@_disfavoredOverload public let TCP_KEEPCNT: Int = 6

/// Seconds to wait for data before a connection can be accepted.
@_disfavoredOverload public let TCP_DEFER_ACCEPT: Int = 9

/// The algorithm of congestion control.
@_disfavoredOverload public let TCP_CONGESTION: Int = 13

/// Bytes not sent yet below which the socket is writable.
@_disfavoredOverload public let TCP_NOTSENT_LOWAT: Int = 25

// MARK: Options of IPv4, IPPROTO_IP

/// The interface for multicast.
@_disfavoredOverload public let IP_MULTICAST_IF: Int = 32

/// How many routers multicast passes.
@_disfavoredOverload public let IP_MULTICAST_TTL: Int = 33

/// Whether this machine hears its own multicast.
@_disfavoredOverload public let IP_MULTICAST_LOOP: Int = 34

// MARK: Options and control messages of IPv6, IPPROTO_IPV6

/// How many routers packets pass.
@_disfavoredOverload public let IPV6_UNICAST_HOPS: Int = 16

/// The interface for multicast.
@_disfavoredOverload public let IPV6_MULTICAST_IF: Int = 17

/// How many routers multicast passes.
@_disfavoredOverload public let IPV6_MULTICAST_HOPS: Int = 18

/// Whether this machine hears its own multicast.
@_disfavoredOverload public let IPV6_MULTICAST_LOOP: Int = 19

/// Refuse IPv4.
@_disfavoredOverload public let IPV6_V6ONLY: Int = 26

/// Receive IPV6_PKTINFO.
@_disfavoredOverload public let IPV6_RECVPKTINFO: Int = 49

/// The address and the interface of a packet.
@_disfavoredOverload public let IPV6_PKTINFO: Int = 50

/// Receive IPV6_HOPLIMIT.
@_disfavoredOverload public let IPV6_RECVHOPLIMIT: Int = 51

/// How many more routers a packet may pass.
@_disfavoredOverload public let IPV6_HOPLIMIT: Int = 52

/// Receive IPV6_TCLASS.
@_disfavoredOverload public let IPV6_RECVTCLASS: Int = 66

/// A packet's traffic class.
@_disfavoredOverload public let IPV6_TCLASS: Int = 67

// MARK: Multicast groups, IPPROTO_IP and IPPROTO_IPV6

/// Receive what is sent to a group.
@_disfavoredOverload public let MCAST_JOIN_GROUP: Int = 42

/// Not from this source.
@_disfavoredOverload public let MCAST_BLOCK_SOURCE: Int = 43

/// From this source again.
@_disfavoredOverload public let MCAST_UNBLOCK_SOURCE: Int = 44

/// No longer receive what is sent to a group.
@_disfavoredOverload public let MCAST_LEAVE_GROUP: Int = 45

/// Receive what one source sends to a group.
@_disfavoredOverload public let MCAST_JOIN_SOURCE_GROUP: Int = 46

/// No longer receive what one source sends to a group.
@_disfavoredOverload public let MCAST_LEAVE_SOURCE_GROUP: Int = 47
