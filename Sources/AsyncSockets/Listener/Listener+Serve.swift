// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import Synchronization

extension Listener {
    /// What a server does with one connection.
    public typealias Handler = @Sendable (Connection) async throws -> Void

    /// Where an error happened.
    public enum ErrorOrigin: Sendable {
        /// A connection could not be accepted, for want of descriptors or memory. It stays in the backlog, and
        /// accepting goes on as soon as it can. The process's last few descriptors are left to its other parts.
        case accepting
        /// The handler of the connection with this peer threw.
        case connection(peer: SocketAddress)
    }

    /// Serves: gives each connection to `handler`, in a task of its own, until the listener is stopped.
    ///
    /// The tasks are children of the caller's. Each prefers the connection's loop, so that straight-line code in it
    /// never leaves that thread. A connection is closed when its handler returns or throws, whoever still holds it.
    ///
    /// - After ``stop()`` no more connections are accepted, the listener is closed, handlers go on for at most
    ///   ``ServeOptions/grace``, and are cancelled then. This returns when the last one has returned.
    /// - ``close()`` does the same.
    /// - When the task that serves is cancelled, so are the handlers, at once.
    ///
    /// In swift-service-lifecycle's `Service`, `run` is
    ///
    /// ```swift
    /// try await withGracefulShutdownHandler {
    ///     try await listener.serve { connection in … }
    /// } onGracefulShutdown: {
    ///     listener.stop()
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - options: The bounds.
    ///   - onError: Told of each connection's error, which ends that connection only, and of a lack of descriptors.
    ///   - handler: What to do with a connection.
    /// - Throws: `SocketError` if the listener is closed already, in use, or cannot be watched, if the system refuses
    ///   to accept anything, or for a connection limit below one.
    public func serve(
        _ options: ServeOptions = ServeOptions(),
        onError: @escaping @Sendable (any Error, ErrorOrigin) -> Void = { _, _ in },
        handler: @escaping Handler
    ) async throws(SocketError) {
        guard options.connectionLimit > 0 else { throw SocketError(.accept, .invalid(.outOfRange)) }
        let service = Service(options, onError, handler, channel)
        let result = await withTaskExecutorPreference(loop) {
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup(returning: Result<Void, SocketError>.self) { group in
                    let result = await acceptConnections(service, in: &group)
                    if case .success = result, !Task.isCancelled {
                        await service.waitForHandlers(on: loop)
                    }
                    group.cancelAll()
                    service.cancelOwners()
                    return result
                }
            } onCancel: {
                service.cancelOwners()
            }
        }
        try result.get()
    }

    /// Makes ``serve(_:onError:handler:)`` stop gracefully. Any thread may call it.
    public func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        channel.reader.wake()
    }

    /// Accepts until the listener is stopped.
    private func acceptConnections(
        _ service: Service, in group: inout DiscardingTaskGroup
    ) async -> Result<Void, SocketError> {
        do throws(SocketError) {
            try channel.enter(.receiving, .accept)
        } catch {
            return .failure(error)
        }
        defer {
            channel.leave(.receiving)
            close()
        }
        do throws(SocketError) {
            var isShort = false
            while !isStopping.load(ordering: .sequentiallyConsistent) {
                var patience = Patience(.accept, nil)
                guard service.hasRoom else {
                    try await channel.wait(.receiving, &patience)
                    continue
                }
                do throws(SocketError) {
                    if let connection = try acceptNow(on: service.loops?.next() ?? loop) {
                        service.start(connection, in: &group)
                        isShort = false
                        if channel.isGreedy { try await channel.yield(&patience) }
                    } else {
                        try await channel.wait(.receiving, &patience)
                    }
                } catch {
                    guard error.isLackOfResources else { throw error }
                    // Told once, not ten times a second.
                    if !isShort { service.onError(error, .accepting) }
                    isShort = true
                    try await pauseAccepting(&patience)
                }
            }
            return .success(())
        } catch {
            // Cancelled or closed: that is how the caller ends it, and no news to it.
            return error.reason == .cancelled || error.reason == .closed ? .success(()) : .failure(error)
        }
    }
}

/// What the tasks of one `serve` share.
private final class Service: Sendable {
    let options: ServeOptions
    let onError: @Sendable (any Error, Listener.ErrorOrigin) -> Void
    private let handler: Listener.Handler
    private let channel: Channel
    private let live = Lock(Live())
    private let allHaveEnded = Signal()

    /// The channels whose handlers have not returned.
    private struct Live {
        var channels: [ObjectIdentifier: Channel] = [:]
        var areCancelled = false
    }

    var loops: EventLoopGroup? { options.loops }

    init(
        _ options: ServeOptions, _ onError: @escaping @Sendable (any Error, Listener.ErrorOrigin) -> Void,
        _ handler: @escaping Listener.Handler, _ channel: Channel
    ) {
        self.options = options
        self.onError = onError
        self.handler = handler
        self.channel = channel
    }

    private var liveCount: Int { live.withLock { $0.channels.count } }

    var hasRoom: Bool { liveCount < options.connectionLimit }

    func start(_ connection: Connection, in group: inout DiscardingTaskGroup) {
        if options.idleTimeout != nil { connection.setIdleTimeout(options.idleTimeout) }
        if options.totalTimeout != nil { connection.setTotalTimeout(options.totalTimeout) }
        let channel = connection.channel
        let isCancelled = live.withLock { live in
            live.channels[ObjectIdentifier(channel)] = channel
            return live.areCancelled
        }
        if isCancelled { channel.cancelOwner() }
        group.addTask(executorPreference: connection.loop) { [self] in
            connection.channel.belongToThisTask()
            do {
                try await handler(connection)
            } catch {
                onError(error, .connection(peer: connection.peerAddress))
            }
            connection.close()
            ended(connection.channel)
        }
    }

    private func ended(_ channel: Channel) {
        let left = live.withLock { live in
            live.channels[ObjectIdentifier(channel)] = nil
            return live.channels.count
        }
        // The accepting task waits for room only when there is none.
        if left + 1 >= options.connectionLimit { self.channel.reader.wake() }
        if left == 0 { allHaveEnded.give() }
    }

    /// Tells the connections that the tasks of their handlers are cancelled. In place of a cancellation handler in each
    /// task, which would cost each idle connection a quarter of a kilobyte.
    func cancelOwners() {
        let channels = live.withLock { live in
            live.areCancelled = true
            return Array(live.channels.values)
        }
        for channel in channels { channel.cancelOwner() }
    }

    /// Waits until the last handler has returned, or the grace is over.
    func waitForHandlers(on loop: EventLoop) async {
        let end = ContinuousClock.now + .nanoseconds(options.grace.nanoseconds)
        while liveCount > 0, ContinuousClock.now < end, !Task.isCancelled {
            _ = await loop.wait(for: allHaveEnded, timeout: end - .now)
        }
    }
}
