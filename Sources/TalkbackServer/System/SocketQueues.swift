// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import Glibc
internal import Sockets
internal import SystemPackage

extension Connection {
    /// Whether nothing is under way in either direction: all that was received has been read, and the peer has
    /// acknowledged all that was sent. Closing such a connection takes nothing from anybody.
    var isQuiet: Bool {
        let isInternet = peerAddress.ip != nil
        let isQuiet = try? withSocket { socket throws(SocketError) in
            socket.withDescriptor { descriptor in
                // What was sent to a Unix socket stays there for the peer, whoever closes.
                Self.count(FIONREAD, descriptor.rawValue) == 0
                    && (!isInternet || Self.count(TIOCOUTQ, descriptor.rawValue) == 0)
            }
        }
        return isQuiet ?? true
    }

    /// A count of bytes in one of a socket's queues: `SIOCINQ` and `SIOCOUTQ` of `tcp(7)` and `unix(7)`, under their
    /// names for terminals, which have the same numbers.
    private static func count(_ request: Int32, _ descriptor: Int32) -> Int32? {
        var count: Int32 = 0
        // SAFETY: the number is written during the call.
        return unsafe ioctl(descriptor, UInt(request), &count) == 0 ? count : nil
    }
}
