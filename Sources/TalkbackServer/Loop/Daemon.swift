// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import JobQueue
internal import JobStore

/// Everything of a server that runs on its event loop: an actor on the loop that the connections are on, so that what a
/// connection receives is executed where it was received. All of it is isolated to the actor; there are no locks.
///
///     bytes → ServedConnection → CommandParser → Engine → Answer (Reply + Barrier) → Outbox → CommitGate → bytes
///                                                  │ mutations                                   ▲
///                                                  └───────────────→ store ────── progress ──────┘
actor Daemon {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let dispatcher: Dispatcher

    /// - Parameters:
    ///   - queue: Has the jobs that the store has.
    ///   - log: The store; `nil` for none.
    ///   - narrowings: Which replies may leave before the newest mutation is stored.
    ///   - droppedLogLines: How many lines of the program's log were dropped so far.
    init(
        _ options: ServerOptions, _ queue: sending JobQueue, _ log: (any MutationLog)?,
        _ narrowings: Narrowings = .standard, on loop: EventLoop, droppedLogLines: @escaping @Sendable () -> Int
    ) {
        self.loop = loop
        let engine = Engine(options, queue, narrowings, droppedLogLines: droppedLogLines)
        dispatcher = Dispatcher(options, engine, CommitGate(queue, log, on: loop), on: loop)
    }

    /// Begins to commit, and to hear of it.
    func start(_ onStoreFull: @escaping @Sendable (Bool) -> Void) {
        dispatcher.start(onStoreFull) { [weak self] call in
            self?.assumeIsolated { $0.dispatcher.handle(call) }
        }
    }

    /// Serves a connection until it ends: see ``ServedConnection/run()``.
    func serve(_ connection: Connection) async throws {
        // One that was accepted just before the server began to stop: nothing would tell it to end.
        guard dispatcher.takesCommands else { return }
        try await dispatcher.add(connection).run()
    }

    /// Takes no more jobs.
    func drain() {
        dispatcher.engine.drain()
    }

    /// Executes nothing more.
    func beginToStop() {
        dispatcher.stop()
    }

    /// Executes nothing more, and returns when what was executed is stored and its replies are on their way; or when
    /// the store has failed.
    func stop() async {
        beginToStop()
        await waitForEnd()
    }

    /// Returns when the store has failed, or the server has stopped.
    func waitForEnd() async {
        // Looked at where nothing can come between that and the waiting: the call itself may suspend.
        await withCheckedContinuation { dispatcher.waitForEnd($0) }
    }
}
