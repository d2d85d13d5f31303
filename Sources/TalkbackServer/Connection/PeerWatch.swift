// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import Sockets

/// Has the kernel find out when a peer is gone without a word, so that its jobs are not kept for ever: by asking, when
/// it is silent, and when it does not acknowledge what it was sent.
struct PeerWatch {
    private let connection: Connection
    /// Whether replies wait because the peer does not read.
    private var isReaderSlow = false

    init(_ connection: Connection) {
        self.connection = connection
        // A Unix socket's peer cannot vanish, and has no such options.
        try? connection.set(Self.keepAlive)
    }

    private static var keepAlive: KeepAlive { KeepAlive(idle: .seconds(60), interval: .seconds(10), count: 6) }

    /// Notes whether replies are left that the peer has no room for. It may take as long as it likes to read them: to
    /// the kernel, a peer that is there and does not read is as good as gone after the user time-out. Without one the
    /// count of probes still ends a silent connection, after the same time.
    mutating func repliesAreLeft(_ areLeft: Bool) {
        guard areLeft != isReaderSlow else { return }
        isReaderSlow = areLeft
        try? connection.set(.userTimeout, to: areLeft ? .zero : Self.keepAlive.detectionTime)
    }
}
