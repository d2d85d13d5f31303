// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import Synchronization

/// Several event loops, among which work is dealt out in turn.
public final class EventLoopGroup: Sendable {
    /// The loops.
    public let loops: [EventLoop]
    private let turn = Atomic<UInt>(0)

    /// Starts a number of loops, 1 to 4096: by default one for each processor that this process may use.
    ///
    /// - Throws: `SocketError` when there are no descriptors or threads for them, or for a number out of range.
    public init(count: Int? = nil) throws(SocketError) {
        let count = count ?? LoopThread.processorCount
        guard (1...4096).contains(count) else { throw SocketError(.eventLoop, .invalid(.outOfRange)) }
        var loops: [EventLoop] = []
        do throws(SocketError) {
            for _ in 0..<count { loops.append(try EventLoop()) }
        } catch {
            for loop in loops { loop.stop() }
            throw error
        }
        self.loops = loops
    }

    /// The loop whose turn it is. Any thread may ask.
    public func next() -> EventLoop {
        let number = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(number % UInt(loops.count))]
    }

    /// Stops every loop: see ``EventLoop/stop()``.
    public func stop() {
        for loop in loops { loop.stop() }
    }
}
