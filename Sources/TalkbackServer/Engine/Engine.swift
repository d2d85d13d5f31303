// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

/// Executes commands for clients against the queue, and says what to reply and from when on the reply may leave.
///
/// It knows no connections, no store and no timers. Everything that the queue does for the server goes through it, on
/// the server's loop: see ``Daemon``.
final class Engine {
    let queue: JobQueue
    private let options: ServerOptions
    private let narrowings: Narrowings
    private let identity = ServerIdentity()
    /// How many lines of the program's log were dropped so far.
    private let droppedLogLines: () -> Int
    private var counters = CommandCounters()
    private(set) var isDraining = false
    private(set) var isStoreFull = false
    /// How many bytes of bodies that have not arrived whole all connections hold.
    private var pendingByteCount = 0

    init(
        _ options: ServerOptions, _ queue: JobQueue, _ narrowings: Narrowings, droppedLogLines: @escaping () -> Int
    ) {
        self.droppedLogLines = droppedLogLines
        self.options = options
        self.queue = queue
        self.narrowings = narrowings
    }

    /// Refuses jobs from now on.
    func drain() {
        isDraining = true
    }

    /// Notes whether the store has space for more than what was executed already.
    func storeIsFull(_ isFull: Bool) {
        isStoreFull = isFull
    }

    // MARK: Executing

    /// Executes a command, or begins one whose body follows.
    func execute(_ command: Command, for client: ClientID, at now: QueueTime) -> Execution {
        advance(to: now)
        let name = command.name
        counters.count(name)
        switch command {
        case .put(let header): return beginPut(header, for: client)
        case .reserve: return reserve(nil, name, for: client, at: now)
        case .reserveWithTimeout(let seconds): return reserve(seconds, name, for: client, at: now)
        case .reserveJob(let id): return reserveJob(id, for: client, at: now)

        case .delete(let id):
            return reply(queue.delete(id, by: client, at: now) ? .deleted : .notFound, to: name)
        case .release(let id, let priority, let delay):
            let place = queue.release(id, priority: priority, delay: delay, by: client, at: now)
            return reply(place.map(Reply.init) ?? .notFound, to: name)
        case .bury(let id, let priority):
            return reply(queue.bury(id, priority: priority, by: client, at: now) ? .buried : .notFound, to: name)
        case .touch(let id): return touch(id, for: client, at: now)
        case .progress(let id, let percent, let text): return progress(id, percent, text, for: client, at: now)
        case .finish(let id, let byteCount): return beginFinish(id, byteCount, for: client)
        case .fail(let id, let retry, _): return .awaitsBody(.fail(id, retry))

        case .use(let tube):
            queue.use(tube.bytes, by: client)
            return reply(.using(tube), to: name)
        case .watch(let tube): return reply(.watching(queue.watch(tube.bytes, by: client)), to: name)
        case .ignore(let tube):
            return reply(queue.ignore(tube.bytes, by: client).map { .watching($0) } ?? .notIgnored, to: name)
        case .listTubes: return reply(list(queue.tubeNames), to: name)
        case .listTubeUsed:
            return reply(TubeName(queue.usedTube(of: client)).map { .using($0) } ?? .internalError, to: name)
        case .listTubesWatched: return reply(list(queue.watchedTubes(of: client)), to: name)
        case .pauseTube(let tube, let seconds):
            return reply(queue.pause(tube.bytes, seconds, at: now) ? .paused : .notFound, to: name)

        case .peek(let id): return found(queue.job(id), name)
        case .peekReady: return found(queue.firstJob(.ready, for: client), name)
        case .peekDelayed: return found(queue.firstJob(.delayed, for: client), name)
        case .peekBuried: return found(queue.firstJob(.buried, for: client), name)
        case .kick(let bound): return reply(.kicked(queue.kick(bound, by: client, at: now)), to: name)
        case .kickJob(let id): return reply(queue.kickJob(id, at: now) ? .kickedJob : .notFound, to: name)

        case .state(let id): return state(of: id, at: now)
        case .wait(let id, let seconds): return wait(id, seconds, for: client, at: now)
        case .follow(let id, let seconds): return follow(id, seconds, for: client, at: now)
        case .cancel(let id): return cancel(id, at: now)
        case .describeJob(let id): return describe(id, at: now)

        case .stats: return reply(.ok(statistics.text.bytes), to: name)
        case .statsJob(let id): return statistics(ofJob: id, at: now)
        case .statsTube(let tube):
            let statistics = queue.statistics(ofTube: tube.bytes, at: now)
            return reply(statistics.map { .ok(YAML($0, tube).bytes) } ?? .notFound, to: name)
        case .quit: return .ends
        }
    }

    /// Executes a command whose body has arrived.
    func execute(
        _ command: UnfinishedCommand, body: [UInt8], for client: ClientID, at now: QueueTime
    ) -> Execution {
        advance(to: now)
        switch command {
        case .put(let id, let header): return finishPut(id, header, body, for: client, at: now)
        case .finish(let id, _): return finish(id, body, for: client, at: now)
        case .fail(let id, let retry): return fail(id, retry, body, for: client, at: now)
        }
    }

    /// Answers a command whose body was skipped because there was no room for it, or no use.
    func refuse(_ command: UnfinishedCommand, for client: ClientID, at now: QueueTime) -> Execution {
        advance(to: now)
        // Whose job it is comes first, or a worker would try again for nothing.
        if case .finish(let id, _) = command, !queue.isHeld(id, by: client) {
            return finish(id, [], for: client, at: now)
        }
        return refuse(.outOfMemory)
    }

    /// Counts a put whose job is too big, and refuses it.
    func refusePutTooBig() -> Execution {
        counters.count(.put)
        return refuse(.jobTooBig)
    }

    /// Does what is due before anything that comes after it.
    private func advance(to now: QueueTime) {
        if let next = queue.nextTime, next <= now { queue.advance(to: now) }
    }

    // MARK: Replies

    /// A reply, which waits for the newest mutation unless the table of ``Narrowings`` says otherwise.
    ///
    /// - Parameter job: What the one job that the reply shows waits for.
    func answer(_ reply: Reply, from origin: ReplyOrigin, showing job: JobSequence? = nil) -> Answer {
        Answer(reply: reply, barrier: narrowings.barrier(of: origin, showing: job, of: queue))
    }

    /// As ``answer(_:from:showing:)``, for a command that is over.
    func reply(_ reply: Reply, to name: CommandName, showing job: JobSequence? = nil) -> Execution {
        .reply(answer(reply, from: .command(name), showing: job))
    }

    /// A reply that shows nothing but that something is refused.
    func refuse(_ refusal: Refusal) -> Execution {
        .reply(answer(refusal.reply, from: .refusal))
    }

    /// For what no client can bring about.
    var internalError: Answer { Answer(reply: .internalError, barrier: .newest(of: queue)) }

    private func found(_ job: JobSnapshot?, _ name: CommandName) -> Execution {
        guard let job else { return reply(.notFound, to: name) }
        return reply(.found(job.id, body: job.body), to: name, showing: job.sequence)
    }

    private func list(_ tubes: [[UInt8]]) -> Reply {
        var list = YAML()
        for tube in tubes { list.add(element: tube) }
        return .ok(list.bytes)
    }

    private func statistics(ofJob id: UInt64, at now: QueueTime) -> Execution {
        guard let job = queue.statistics(ofJob: id, at: now) else { return reply(.notFound, to: .statsJob) }
        return reply(.ok(YAML(job).bytes), to: .statsJob, showing: job.sequence)
    }

    private var statistics: ServerStatistics {
        ServerStatistics(
            queue: queue.statistics, counters: counters, options: options, isDraining: isDraining, identity: identity,
            system: SystemFacts(), droppedLogLines: droppedLogLines())
    }

    // MARK: Memory

    /// Counts what has arrived, or has been dropped, of bodies that have not arrived whole.
    func pendingBodiesHaveGrown(by byteCount: Int) {
        pendingByteCount += byteCount
    }

    /// Whether there is room for a job of so many bytes.
    func hasRoom(forJobOf byteCount: Int) -> Bool {
        queue.byteCount + pendingByteCount + byteCount <= options.maximumMemory
    }

    /// Whether there is room for a result of so many bytes. Results do not pay for the jobs: they end them.
    func hasRoom(forResultOf byteCount: Int) -> Bool {
        byteCount == 0 || pendingByteCount + byteCount <= options.maximumMemory
    }

    /// Whether there is room for what is still to come of a body.
    func hasRoom(forRestOf command: UnfinishedCommand) -> Bool {
        switch command {
        case .put: hasRoom(forJobOf: 0)
        case .finish(_, let byteCount): byteCount == 0 || pendingByteCount <= options.maximumMemory
        // Few bytes, which every worker must be able to say.
        case .fail: true
        }
    }
}
