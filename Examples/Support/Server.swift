// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
public import Sockets

/// A server that ends on SIGINT, SIGTERM or ``stop()``: what the tutorial's three servers have in common.
///
/// It serves its clients at once, each in a task of its own on one thread.
public final class Server: Sendable {
    /// What a server does with one connection.
    public typealias Handler = @Sendable (ServedConnection) async throws -> Void

    private let listener: Listener
    private let limits: Limits
    private let budget = MemoryBudget(bytes: 256 << 20)

    /// Listens on a host and port, and says where.
    ///
    /// - Throws: `SocketError` if that is not possible.
    public init(host: String, port: UInt16, _ limits: Limits) async throws(SocketError) {
        self.limits = limits
        listener = try await Listener.bind(toHost: host, port: port, on: try EventLoop())
    }

    /// Gives each connection to `handler`, until the server is stopped; then the live ones have a second to finish.
    ///
    /// An error of the handler ends that connection only, and is told on standard error.
    ///
    /// - Throws: `SocketError` if the server was run before.
    public func run(_ handler: @escaping Handler) async throws(SocketError) {
        let signals = await TerminationSignals { [listener] in listener.stop() }
        for address in listener.addresses { Console.write("listening on \(address)\n") }
        let bounds = ServeOptions(connectionLimit: limits.live, idleTimeout: nil, grace: .seconds(1))
        try await listener.serve(bounds) { error, _ in
            Console.complain("\(error)")
        } handler: { [limits, budget] connection in
            try await handler(ServedConnection(connection, limits, budget))
            try await connection.finish(discarding: 1 << 30, timeout: .seconds(10))
        }
        withExtendedLifetime(signals) {}
    }

    /// Ends the server.
    public func stop() {
        listener.stop()
    }
}
