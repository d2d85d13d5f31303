// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

// Each has a lower rank than the constant of the same name in Glibc, so that both can be imported: PHP's functions take
// the Int here, C's functions the other.

// MARK: Flags of the functions that send and receive

/// TCP's urgent byte.
@_disfavoredOverload public let MSG_OOB: Int = 1

/// Receive and leave it there.
@_disfavoredOverload public let MSG_PEEK: Int = 2

/// Send to directly connected hosts only.
@_disfavoredOverload public let MSG_DONTROUTE: Int = 4

/// Control data did not fit.
@_disfavoredOverload public let MSG_CTRUNC: Int = 8

/// A datagram did not fit; asked for, its real length is returned.
@_disfavoredOverload public let MSG_TRUNC: Int = 32

/// Do not wait, whatever the socket's mode.
@_disfavoredOverload public let MSG_DONTWAIT: Int = 64

/// The end of a record.
@_disfavoredOverload public let MSG_EOR: Int = 128

/// Wait until the buffer is full.
@_disfavoredOverload public let MSG_WAITALL: Int = 256

/// The end of the data; Linux ignores it.
@_disfavoredOverload public let MSG_EOF: Int = 512

/// The neighbour has answered: `arp(7)` need not ask.
@_disfavoredOverload public let MSG_CONFIRM: Int = 2048

/// Receive from the queue of errors.
@_disfavoredOverload public let MSG_ERRQUEUE: Int = 8192

/// No SIGPIPE; there never is one here.
@_disfavoredOverload public let MSG_NOSIGNAL: Int = 16384

/// More will be sent at once.
@_disfavoredOverload public let MSG_MORE: Int = 32768

/// Of several messages, wait for the first only.
@_disfavoredOverload public let MSG_WAITFORONE: Int = 65536

/// Send without copying.
@_disfavoredOverload public let MSG_ZEROCOPY: Int = 67108864

/// Received descriptors are close-on-exec, as they always are here.
@_disfavoredOverload public let MSG_CMSG_CLOEXEC: Int = 1073741824

// MARK: Control messages

/// Descriptors.
@_disfavoredOverload public let SCM_RIGHTS: Int = 1

/// The sender's process, user and group.
@_disfavoredOverload public let SCM_CREDENTIALS: Int = 2
