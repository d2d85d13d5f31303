// SPDX-License-Identifier: Apache-2.0

public import AsyncSockets
internal import Foundation
internal import JobQueue
public import JobStore
internal import Sockets

/// A queue of jobs that speaks beanstalkd's protocol.
///
/// ```swift
/// let loop = try EventLoop()
/// let store = try JobStore(StoreOptions(folder: "/var/lib/talkback"))  // or none: in memory only
/// let server = try Server(store: store, on: loop)
/// try await server.serve([try Listener.bind(to: .ipv4(.loopback, port: 11300), on: loop)])
/// ```
///
/// With a store, no reply leaves before everything that it shows is kept.
public final class Server: Sendable {
    private let daemon: Daemon
    private let options: ServerOptions
    private let store: JobStore?

    /// A server with the jobs of a store, all of which are read here, on the calling thread.
    ///
    /// - Parameters:
    ///   - options: The bounds. With a store, jobs have at most ``JobStore/maximumJobSize`` bytes.
    ///   - store: Where jobs are kept; `nil` for in memory only. It belongs to the server from now on.
    ///   - loop: The loop that everything happens on; its listeners must be on it too.
    ///   - droppedLogLines: How many lines of the program's log were dropped so far: the last key of `stats`. Called on
    ///     the loop, so it must not block.
    ///   - onProgress: Told now and then how many jobs of how many were read.
    /// - Throws: `StoreError` when the store cannot be read.
    public init(
        _ options: ServerOptions = ServerOptions(), store: JobStore? = nil, on loop: EventLoop,
        droppedLogLines: @escaping @Sendable () -> Int = { 0 },
        onProgress: @Sendable (_ count: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(StoreError) {
        let queue = JobQueue(maximumOutcomeBytes: options.maximumOutcomeBytes, isRecording: store != nil)
        let now = QueueTime(nanoseconds: loop.now)
        try store?.recover(into: queue, at: now, onProgress: onProgress)
        self.store = store
        var options = options
        if store != nil { options.maximumJobSize = min(options.maximumJobSize, JobStore.maximumJobSize) }
        self.options = options
        daemon = Daemon(options, queue, store, on: loop, droppedLogLines: droppedLogLines)
    }

    /// A server for a test, with an empty queue.
    ///
    /// - Parameters:
    ///   - log: Stands in for the store.
    ///   - narrowings: Which replies may leave before the newest mutation is stored.
    init(log: any MutationLog, _ narrowings: Narrowings, on loop: EventLoop) {
        store = nil
        options = ServerOptions()
        daemon = Daemon(options, JobQueue(isRecording: true), log, narrowings, on: loop, droppedLogLines: { 0 })
    }

    /// Serves the connections of some listeners until ``stop()`` or until the store fails, and closes the store.
    ///
    /// - Parameters:
    ///   - onError: Told of what ends a connection, and of a lack of descriptors. The error is a `ForeignProtocol` of
    ///     `BeanstalkProtocol` if the connection was closed because it spoke HTTP, say, and not this protocol.
    ///   - onStoreFull: Told with `true` when puts begin to be refused for want of disk space, with `false` when they
    ///     are taken again.
    /// - Throws: `SocketError` if a listener is in use or closed; `StoreError` if something could not be kept: then the
    ///   replies that waited for it were not sent. Restarted, the server has everything that was acknowledged.
    public func serve(
        _ listeners: [Listener],
        onError: @escaping @Sendable (any Error, Listener.ErrorOrigin) -> Void = { _, _ in },
        onStoreFull: @escaping @Sendable (Bool) -> Void = { _ in }
    ) async throws {
        await daemon.start(onStoreFull)
        defer { listeners.forEach { $0.close() } }
        async let end: Void = stopAtTheEnd(listeners)
        let result = await serveAll(listeners, onError)
        await daemon.stop()
        await end
        if let store { try await Self.close(store) }
        try result.get()
    }

    /// Closes a store, which waits for the disk, on a thread that nothing else needs.
    private static func close(_ store: JobStore) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { continuation.resume(with: Result { try store.close() }) }
        }
    }

    /// Stops the listeners when the server is stopped, or its store has failed.
    private func stopAtTheEnd(_ listeners: [Listener]) async {
        await daemon.waitForEnd()
        listeners.forEach { $0.stop() }
    }

    private func serveAll(
        _ listeners: [Listener], _ onError: @escaping @Sendable (any Error, Listener.ErrorOrigin) -> Void
    ) async -> Result<Void, any Error> {
        do {
            try await withThrowingTaskGroup(of: Void.self) { [daemon, options] group in
                for listener in listeners {
                    group.addTask { try await Self.serve(listener, daemon, options, onError) }
                }
                try await group.waitForAll()
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private static func serve(
        _ listener: Listener, _ daemon: Daemon, _ options: ServerOptions,
        _ onError: @escaping @Sendable (any Error, Listener.ErrorOrigin) -> Void
    ) async throws(SocketError) {
        let bounds = ServeOptions(connectionLimit: options.connectionLimit, idleTimeout: nil, grace: .seconds(2))
        try await listener.serve(bounds, onError: onError) { connection in try await daemon.serve(connection) }
    }

    /// Takes no more jobs; all else goes on.
    public func drain() async {
        await daemon.drain()
    }

    /// Executes nothing more, for a test that looks at what comes before the end.
    func beginToStop() async {
        await daemon.beginToStop()
    }

    /// Executes nothing more, sends the replies to what was executed, and makes ``serve(_:onError:)`` return.
    public func stop() async {
        await daemon.stop()
    }
}
