// SPDX-License-Identifier: Apache-2.0

public import AsyncSockets
internal import JobQueue
public import Sockets
internal import SystemPackage

/// A queue of jobs that speaks beanstalkd's protocol. Jobs are kept in memory.
///
/// ```swift
/// let loop = try EventLoop()
/// let server = Server(on: loop)
/// try await server.serve(try Listener.bind(to: .ipv4(.loopback, port: 11300), on: loop))
/// ```
public final class Server: Sendable {
    private let engine: Engine

    /// A server without jobs.
    ///
    /// - Parameter loop: The loop that everything happens on; its listeners must be on it too.
    public init(_ options: ServerOptions = ServerOptions(), on loop: EventLoop) {
        engine = Engine(options, on: loop)
    }

    /// Serves the connections of a listener until it is stopped.
    ///
    /// - Parameter onError: Told of what ends a connection, and of a lack of descriptors.
    /// - Throws: `SocketError` if the listener is in use or closed.
    public func serve(
        _ listener: Listener,
        onError: @escaping @Sendable (any Error, Listener.ErrorOrigin) -> Void = { _, _ in }
    ) async throws(SocketError) {
        let bounds = ServeOptions(
            connectionLimit: engine.options.connectionLimit, idleTimeout: nil, grace: .zero)
        try await listener.serve(bounds, onError: onError) { [engine] connection in
            // A worker that has vanished must not keep its jobs for ever.
            try? connection.set(Connection.KeepAlive(idle: .seconds(60), interval: .seconds(10), count: 6))
            let signal = Signal()
            let client = await engine.connect(signal)
            let result = await Self.talk(connection, client, signal, engine)
            await engine.disconnect(client)
            try result.get()
        }
    }

    /// Takes no more jobs.
    public func drain() async {
        await engine.drain()
    }

    private static func talk(
        _ connection: Connection, _ client: ClientID, _ signal: Signal, _ engine: Engine
    ) async -> Result<Void, SocketError> {
        do throws(SocketError) {
            var input: [UInt8] = []
            var output: [UInt8] = []
            var pause = Pause.needsInput
            while true {
                if !output.isEmpty {
                    try await connection.send(output)
                    output.removeAll(keepingCapacity: output.capacity <= 1 << 16)
                }
                switch pause {
                case .needsInput:
                    input.removeAll(keepingCapacity: true)
                    if try await connection.receive(into: &input, upTo: 16_384) == 0 { return .success(()) }
                    pause = await engine.take(input, of: client, replies: &output)
                case .needsOutput:
                    pause = await engine.take([], of: client, replies: &output)
                case .waiting:
                    let outcome = try await connection.wait(for: .peerHalfClosed, or: signal)
                    pause = await engine.goOn(client, isGone: outcome != .signalled, replies: &output)
                case .quit:
                    // What comes behind it is thrown away, but must not cost the client the replies before it.
                    try await connection.finish(discarding: 1 << 20, timeout: .seconds(1))
                    return .success(())
                }
            }
        } catch {
            // A peer that is gone is how connections end, and a server that is stopped.
            if error.reason == .cancelled { return .success(()) }
            return error.errno == .connectionReset || error.errno == .brokenPipe ? .success(()) : .failure(error)
        }
    }
}
