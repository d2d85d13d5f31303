// SPDX-License-Identifier: Apache-2.0

public import Sockets

extension Connection {
    /// What ended a wait.
    public enum WaitOutcome: Hashable, Sendable {
        /// The connection has these events.
        case events(PollEvents)
        /// The signal was given, and is taken by this.
        case signalled
    }

    /// Waits until something happens on the connection, or a signal is given, and takes no byte.
    ///
    /// This is for a task that waits for something else on the peer's behalf, and must learn when the peer is gone:
    ///
    /// ```swift
    /// switch try await connection.wait(for: .peerHalfClosed, or: jobIsThere) {
    /// case .signalled: try await connection.send(job)
    /// case .events: return  // nobody is there to take the job
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - events: What to wait for: `PollEvents.readable`, `PollEvents.peerHalfClosed`.
    ///     `PollEvents.error` and `PollEvents.hangUp` are always waited for.
    ///   - signal: What else to wait for. When both have happened, the signal is what is reported.
    ///   - timeout: How long to wait; `nil` for ever.
    /// - Throws: `SocketError`, naming the peer: `ETIMEDOUT`, `SocketError.Reason.cancelled`,
    ///   `SocketError.Reason.closed`, or `SocketError.Reason.inUse` if another task is receiving or waiting.
    ///
    /// The corresponding C function is `poll`.
    public func wait(
        for events: PollEvents, or signal: Signal? = nil, timeout: Duration? = nil
    ) async throws(SocketError) -> WaitOutcome {
        var patience = Patience(.wait, timeout)
        do throws(SocketError) {
            try channel.enter(.receiving, .wait)
            defer { channel.leave(.receiving) }
            signal?.wakes(channel)
            defer {
                signal?.wakes(nil)
                // The wake-ups taken here may have been for bytes that the next receive is to look for.
                channel.reader.wake()
            }
            while true {
                if let signal, signal.take() { return .signalled }
                let happened = try channel.socket.wait(for: events, timeout: .zero)
                if !happened.isEmpty { return .events(happened) }
                try await channel.wait(.receiving, &patience)
            }
        } catch {
            throw named(error)
        }
    }
}
