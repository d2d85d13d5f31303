// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

// Each has a lower rank than the constant of the same name in Glibc, so that both can be imported: PHP's functions take
// the Int here, C's functions the other.

// MARK: Families

/// Sockets of this machine, named by paths: `unix(7)`.
@_disfavoredOverload public let AF_UNIX: Int = 1

/// The Internet, version 4: `ip(7)`.
@_disfavoredOverload public let AF_INET: Int = 2

/// The Internet, version 6: `ipv6(7)`.
@_disfavoredOverload public let AF_INET6: Int = 10

// MARK: Types

/// A stream of bytes.
@_disfavoredOverload public let SOCK_STREAM: Int = 1

/// Datagrams.
@_disfavoredOverload public let SOCK_DGRAM: Int = 2

/// Raw packets; needs the right to it.
@_disfavoredOverload public let SOCK_RAW: Int = 3

/// Reliable datagrams, which no family here has.
@_disfavoredOverload public let SOCK_RDM: Int = 4

/// A stream of packets whose boundaries are kept.
@_disfavoredOverload public let SOCK_SEQPACKET: Int = 5

// MARK: Levels and protocols

/// The level of the options that every socket has.
@_disfavoredOverload public let SOL_SOCKET: Int = 1

/// The level of IPv4's options.
@_disfavoredOverload public let IPPROTO_IP: Int = 0

/// The level of IPv6's options.
@_disfavoredOverload public let IPPROTO_IPV6: Int = 41

/// TCP: the protocol, and the level of its options.
@_disfavoredOverload public let SOL_TCP: Int = 6

/// UDP: the protocol, and the level of its options.
@_disfavoredOverload public let SOL_UDP: Int = 17

/// The longest queue of connections that are not accepted yet.
@_disfavoredOverload public let SOMAXCONN: Int = 4096

// MARK: How socket_read reads

/// Up to the end of a line, a line feed or a carriage return.
@_disfavoredOverload public let PHP_NORMAL_READ: Int = 1

/// What has arrived.
@_disfavoredOverload public let PHP_BINARY_READ: Int = 2
