// SPDX-License-Identifier: Apache-2.0

/// The bounds within which ``Listener/serve(_:onError:handler:)`` serves.
public struct ServeOptions: Sendable {
    /// How many connections are served at the same time, 1 or more. While there are so many, further ones wait in the
    /// backlog.
    public var connectionLimit: Int
    /// How long a call on a connection waits while no byte moves, before it gives up with `ETIMEDOUT`; `nil` for ever.
    public var idleTimeout: Duration?
    /// After what time every call on a connection gives up with `ETIMEDOUT` when it would have to wait; `nil` for
    /// never.
    public var totalTimeout: Duration?
    /// How long the handlers that run when the listener is stopped may go on before their tasks are cancelled.
    public var grace: Duration
    /// The loops among which connections are dealt out; `nil` for the listener's own loop alone.
    public var loops: EventLoopGroup?

    /// Bounds that a server on an open network can live with.
    public init(
        connectionLimit: Int = 10_000, idleTimeout: Duration? = .seconds(60), totalTimeout: Duration? = nil,
        grace: Duration = .seconds(10), loops: EventLoopGroup? = nil
    ) {
        self.connectionLimit = connectionLimit
        self.idleTimeout = idleTimeout
        self.totalTimeout = totalTimeout
        self.grace = grace
        self.loops = loops
    }
}
