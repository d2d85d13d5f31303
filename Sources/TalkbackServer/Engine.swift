// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import JobQueue

/// The queue with its clock, its timer and its sessions: an actor on the event loop that the connections are on, so that
/// what a connection receives is executed where it was received.
actor Engine {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    let queue = JobQueue()
    let options: ServerOptions
    let start = ContinuousClock.now
    var counters = CommandCounters()
    var isDraining = false
    let instanceID = InstanceID()
    private var sessions: [ClientID: Session] = [:]
    private var timer: (time: QueueTime, scheduled: ScheduledTimer)?

    /// More replies than this are sent before more commands are taken.
    private static let outputLimit = 1 << 18

    init(_ options: ServerOptions, on loop: EventLoop) {
        self.options = options
        self.loop = loop
    }

    /// The queue's clock: nanoseconds since the start.
    var now: QueueTime {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return QueueTime(nanoseconds: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    // MARK: Connections

    func connect(_ signal: Signal) -> ClientID {
        let session = Session(queue.connect(), signal, maximumJobSize: options.maximumJobSize)
        sessions[session.client] = session
        return session.client
    }

    func disconnect(_ client: ClientID) {
        sessions[client] = nil
        queue.disconnect(client, at: now)
        settle()
    }

    /// Takes bytes of a connection, and executes the commands in them until there is a reason to stop.
    ///
    /// - Parameters:
    ///   - bytes: What has been received.
    ///   - output: Becomes the replies; empty before.
    func take(_ bytes: [UInt8], of client: ClientID, replies output: inout [UInt8]) -> Pause {
        guard let session = sessions[client] else { return .quit }
        if session.position == session.input.count {
            session.input = bytes
            session.position = 0
        } else if !bytes.isEmpty {
            session.input += bytes
        }
        let pause = execute(session)
        // The caller's buffer, which it has emptied, serves again.
        swap(&session.output, &output)
        return pause
    }

    /// Goes on after a wait that has ended, or that is to end because the client can say nothing any more.
    func goOn(_ client: ClientID, isGone: Bool, replies output: inout [UInt8]) -> Pause {
        guard let session = sessions[client] else { return .quit }
        if isGone, session.isWaiting {
            queue.stopWaiting(client)
            settle()
        }
        return take([], of: client, replies: &output)
    }

    private func execute(_ session: Session) -> Pause {
        let now = now
        defer { settle() }
        while !session.isWaiting {
            if session.output.count > Self.outputLimit { return .needsOutput }
            var position = session.position
            let input = session.parser.next(session.input.span, &position)
            session.position = position
            guard let input else {
                session.input = []
                session.position = 0
                return .needsInput
            }
            if case .command(.quit) = input { return .quit }
            execute(input, for: session, at: now)
        }
        return .waiting
    }

    // MARK: Time

    /// Gives those who wait what there is for them, and sets the timer.
    private func settle() {
        for effect in queue.takeEffects() {
            switch effect {
            case .reserved(let client, let job): endWait(client, .reserved(job.id, body: job.body))
            case .deadlineSoon(let client): endWait(client, .deadlineSoon)
            case .timedOut(let client): endWait(client, .timedOut)
            }
        }
        setTimer()
    }

    private func endWait(_ client: ClientID, _ reply: Reply) {
        guard let session = sessions[client] else { return }
        session.output.append(reply)
        session.isWaiting = false
        session.signal.give()
    }

    /// One timer for everything that the queue waits for. One that is too early does no harm: it looks, and is set again.
    private func setTimer() {
        guard let next = queue.nextTime else { return }
        if let timer, timer.time <= next { return }
        timer?.scheduled.cancel()
        let delay = Duration.nanoseconds(max(0, next.nanoseconds - now.nanoseconds))
        let scheduled = loop.schedule(after: delay) { [weak self] in
            self?.assumeIsolated { engine in
                engine.timer = nil
                engine.queue.advance(to: engine.now)
                engine.settle()
            }
        }
        timer = (next, scheduled)
    }

    func drain() {
        isDraining = true
    }
}
