// SPDX-License-Identifier: Apache-2.0

internal import Sockets

extension EventLoopGroup {
    private static let sharedGroup = Lock<EventLoopGroup?>(nil)

    /// The loops that are used where no other is named: one for each processor, started when they are first needed,
    /// never stopped.
    ///
    /// - Throws: `SocketError` when there are no descriptors or threads for them; later there may be.
    public static var shared: EventLoopGroup {
        get throws(SocketError) {
            let result: Result<EventLoopGroup, SocketError> = sharedGroup.withLock { group in
                do throws(SocketError) {
                    let shared = if let group { group } else { try EventLoopGroup() }
                    group = shared
                    return .success(shared)
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
    }
}

extension EventLoop {
    /// The loop on whose thread the code that asks runs, if there is one.
    public static var current: EventLoop? { LoopThread.current }

    /// The loop that was asked for, or the one that the caller runs on, or one of ``EventLoopGroup/shared``.
    static func orDefault(_ loop: EventLoop?) throws(SocketError) -> EventLoop {
        if let loop = loop ?? current { return loop }
        return try EventLoopGroup.shared.next()
    }
}
