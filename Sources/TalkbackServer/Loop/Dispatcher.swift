// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import JobQueue
internal import JobStore

/// The connections with the engine, the gate and the timer that they share, and the way from each of these to the
/// others.
///
/// Whoever has had the engine do something calls ``settle()``.
final class Dispatcher {
    let engine: Engine
    let gate: CommitGate
    let options: ServerOptions
    private let loop: EventLoop
    private var timer: QueueTimer?
    private var connections: [ClientID: ServedConnection] = [:]
    /// For the connection whose turn it is.
    var buffers = SharedBuffers()

    /// Whether commands are executed: until the server is about to end.
    private(set) var takesCommands = true
    /// Told when puts begin to be refused for want of disk space, and when they are taken again.
    private var onStoreFull: @Sendable (Bool) -> Void = { _ in }
    /// Those who wait for the end.
    private var endWaiters: [CheckedContinuation<Void, Never>] = []

    init(_ options: ServerOptions, _ engine: Engine, _ gate: CommitGate, on loop: EventLoop) {
        self.options = options
        self.engine = engine
        self.gate = gate
        self.loop = loop
    }

    /// The queue's clock is the loop's: nanoseconds, read once a turn.
    var now: QueueTime { QueueTime(nanoseconds: loop.now) }

    /// Has the store begin to commit, and the timer set.
    ///
    /// - Parameter call: Calls ``handle(_:)`` on the loop.
    func start(_ onStoreFull: @escaping @Sendable (Bool) -> Void, _ call: @escaping @Sendable (LoopCall) -> Void) {
        self.onStoreFull = onStoreFull
        gate.start(call)
        storeMayBeFull()
        timer = QueueTimer(on: loop) { call(.timer) }
        timer?.set(to: engine.queue.nextTime)
    }

    /// Does what the loop calls for.
    func handle(_ call: LoopCall) {
        switch call {
        case .loopIsIdle: gate.loopIsIdle()
        case .lateSubmission: gate.lateSubmissionIsDue()
        case .storeHasProgressed: storeHasProgressed()
        case .timer:
            timer?.hasFired()
            engine.timerFired(at: now)
            settle()
        }
    }

    // MARK: Connections

    /// A connection that is served from now on.
    func add(_ connection: Connection) -> ServedConnection {
        let served = ServedConnection(connection, of: self)
        connections[served.client] = served
        return served
    }

    /// Forgets a connection, whose client's jobs are for others from now on.
    func remove(_ connection: ServedConnection) {
        guard connections.removeValue(forKey: connection.client) != nil else { return }
        engine.disconnect(connection.client, at: now)
        settle()
    }

    func stopWaiting(_ client: ClientID) {
        engine.stopWaiting(client, at: now)
        settle()
    }

    /// Brings clients that wait what there is for them, has pending mutations submitted, and sets the timer.
    func settle() {
        if engine.queue.hasEffects { deliver() }
        gate.requestSubmission()
        timer?.set(to: engine.queue.nextTime)
    }

    private func deliver() {
        var updated: [ServedConnection] = []
        engine.takeDeliveries { delivery in
            guard let connection = connections[delivery.client] else { return }
            switch delivery.kind {
            case .last: connection.endWait(with: delivery.answer)
            case .update(let job):
                if connection.update(with: delivery.answer, on: job), updated.last !== connection {
                    updated.append(connection)
                }
            }
        }
        for connection in updated { connection.flushUpdates() }
    }

    // MARK: The store

    private func storeHasProgressed() {
        guard gate.failure == nil else { return }
        gate.takeProgress()
        storeMayBeFull()
        guard gate.failure == nil else { return abandon() }
        gate.letGo()
        if !takesCommands { endIfDone() }
    }

    private func storeMayBeFull() {
        guard gate.isFull != engine.isStoreFull else { return }
        engine.storeIsFull(gate.isFull)
        onStoreFull(gate.isFull)
    }

    // MARK: The end

    /// Executes nothing more; connections end when the replies to what was executed are sent.
    func stop() {
        takesCommands = false
        gate.submitAtOnce()
        endIfDone()
    }

    /// Resumes when the server has stopped, or its store has failed.
    func waitForEnd(_ waiter: CheckedContinuation<Void, Never>) {
        if !takesCommands, gate.isDone { waiter.resume() } else { endWaiters.append(waiter) }
    }

    /// The store has failed: what waits for it is not true, so nobody is told.
    private func abandon() {
        takesCommands = false
        for connection in connections.values { connection.abandon() }
        gate.abandonHeld()
        endIfDone()
    }

    private func endIfDone() {
        guard gate.isDone else { return }
        if gate.failure == nil {
            // Those who wait first, or they would be given what the others leave.
            for connection in connections.values where connection.phase.isWaiting { connection.close(.bySelf) }
            for connection in connections.values { connection.close(.bySelf) }
        }
        for waiter in endWaiters { waiter.resume() }
        endWaiters.removeAll()
    }
}
