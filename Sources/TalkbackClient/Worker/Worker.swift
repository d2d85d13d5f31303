// SPDX-License-Identifier: Apache-2.0

public import AsyncSockets
public import Logging
public import ServiceLifecycle
internal import Synchronization

/// Works on jobs: reserves them, calls a handler for each, and does with the job what the handler's end asks for.
///
/// ```swift
/// let worker = Worker(WorkerOptions(tubes: ["resize"], concurrency: 4)) { job in
///     try await resize(job.body)
/// }
/// try await worker.run()
/// ```
///
/// A handler that returns has done the job, which is deleted. One that throws has failed: the job is released and ready
/// again after a pause, or buried when it has been tried often enough; see ``JobRejected``, ``JobPostponed`` and
/// ``JobHandedBack`` too. One that was reserved more often than that, as its workers have died of it, is buried before
/// the handler is called. A Talkback server is told the reason, and the result if the handler returns one, and knows
/// better than the worker how often a job may be tried that was put with a number of attempts. The job is touched while
/// the handler runs, so that its time to run says how soon others get it when this worker is gone, and not how long the
/// work may take. If the job is lost all the same, the handler's task is cancelled.
///
/// A worker is a `Service` of swift-service-lifecycle: a graceful shutdown stops it as ``stop()`` does. While the
/// server is not to be reached it waits and tries again, for ever.
///
/// Metrics (swift-metrics): `talkback_worker_jobs`, a counter with the dimensions `tube` and `outcome`
/// (``WorkerOutcome``), and `talkback_worker_job_duration`, a timer with the dimension `tube`.
public final class Worker: Service {
    /// Does a job.
    public typealias Handler = @Sendable (WorkerJob) async throws -> Void
    /// Does a job, and returns its result: at most ``ReservedJob/maximumResultSize`` bytes.
    public typealias ResultHandler = @Sendable (WorkerJob) async throws -> [UInt8]

    /// Where the server is.
    public let address: ServerAddress
    /// What the worker takes, and what it does when a job fails.
    public let options: WorkerOptions
    let logger: Logger
    let handler: ResultHandler
    let handlerExecutor: (any TaskExecutor)?
    private let loop: EventLoop?
    /// No more jobs are to be taken, though those who wait for one may not have heard of it.
    private let hasStopped = Atomic(false)
    /// What ``stop()`` and ``stopNow()`` have asked for.
    private let requests: (stream: AsyncStream<Stop>, continuation: AsyncStream<Stop>.Continuation)

    /// A worker that does nothing yet.
    ///
    /// - Parameters:
    ///   - options: What to take, and what to do when a job fails.
    ///   - address: Where the server is.
    ///   - loop: The loop that the worker's connections are on; `nil` for the one that the caller of ``run()`` runs on,
    ///     or a shared one.
    ///   - handlerExecutor: Where handlers run; `nil` for the global executor. Handlers that never block, and wait for
    ///     things on the same loop, are quicker there.
    ///   - logger: Told of each job that fails, and of lost connections; with `job`, `tube` and `attempt` as metadata.
    ///   - handler: Called for each job, in as many tasks at a time as the options say.
    public convenience init(
        _ options: WorkerOptions = WorkerOptions(), at address: ServerAddress = .default, on loop: EventLoop? = nil,
        handlerExecutor: (any TaskExecutor)? = nil, logger: Logger = Logger(label: "talkback.worker"),
        handler: @escaping Handler
    ) {
        self.init(options, address, loop, handlerExecutor, logger) { job in
            try await handler(job)
            return []
        }
    }

    /// A worker whose handler returns results, which does nothing yet. On a server that is not Talkback they are thrown
    /// away.
    ///
    /// - Parameters:
    ///   - options: What to take, and what to do when a job fails.
    ///   - address: Where the server is.
    ///   - loop: The loop that the worker's connections are on.
    ///   - handlerExecutor: Where handlers run.
    ///   - logger: Told of each job that fails, and of lost connections.
    ///   - handler: Called for each job, in as many tasks at a time as the options say.
    public static func returningResults(
        _ options: WorkerOptions = WorkerOptions(), at address: ServerAddress = .default, on loop: EventLoop? = nil,
        handlerExecutor: (any TaskExecutor)? = nil, logger: Logger = Logger(label: "talkback.worker"),
        handler: @escaping ResultHandler
    ) -> Worker {
        Worker(options, address, loop, handlerExecutor, logger, handler)
    }

    private init(
        _ options: WorkerOptions, _ address: ServerAddress, _ loop: EventLoop?,
        _ handlerExecutor: (any TaskExecutor)?, _ logger: Logger, _ handler: @escaping ResultHandler
    ) {
        self.address = address
        self.options = options
        self.loop = loop
        self.handlerExecutor = handlerExecutor
        self.logger = logger
        self.handler = handler
        requests = AsyncStream.makeStream()
    }

    var isStopping: Bool { hasStopped.load(ordering: .relaxed) }

    private enum Stop {
        case gracefully, now
    }

    /// Takes no more jobs. ``run()`` returns when the handlers have ended.
    public func stop() {
        hasStopped.store(true, ordering: .relaxed)
        requests.continuation.yield(.gracefully)
    }

    /// Hands back what is still worked on, without waiting any longer: cancels the handlers' tasks.
    public func stopNow() {
        hasStopped.store(true, ordering: .relaxed)
        requests.continuation.yield(.now)
    }

    /// Works until it is stopped. A worker runs once.
    ///
    /// When its task is cancelled, the handlers' tasks are cancelled too, and what they have not finished is handed
    /// back.
    ///
    /// - Throws: ``ClientError`` if there is no event loop for it, or no tube to take jobs from.
    public func run() async throws {
        guard !options.tubes.isEmpty else { throw ClientError("work", .invalid("no tube was named to take jobs from")) }
        // It goes on for as long as it is let.
        let client = try Client(address, options: ClientOptions(patience: .seconds(86_400)), on: loop)
        await withGracefulShutdownHandler {
            await work(with: client)
        } onGracefulShutdown: {
            self.stop()
        }
        await client.close()
    }

    private enum Event {
        case slotsEnded, graceEnded, requestsEnded
        case request(Stop)
    }

    private func work(with client: Client) async {
        await withTaskGroup(of: Event.self) { group in
            group.addTask {
                await self.runSlots(with: client)
                return .slotsEnded
            }
            group.addTask { await self.nextRequest() }
            var isEnding = false
            while let event = await group.next() {
                switch event {
                case .slotsEnded, .graceEnded, .request(.now):
                    await client.stopReserving()
                    group.cancelAll()
                case .request(.gracefully):
                    await client.stopReserving()
                    group.addTask { await self.nextRequest() }
                    guard !isEnding else { continue }
                    isEnding = true
                    group.addTask { [options] in
                        do {
                            try await Task.sleep(for: options.grace)
                            return .graceEnded
                        } catch {
                            return .requestsEnded
                        }
                    }
                case .requestsEnded: break
                }
            }
        }
    }

    private func nextRequest() async -> Event {
        for await request in requests.stream { return .request(request) }
        return .requestsEnded
    }

    private func runSlots(with client: Client) async {
        await withTaskGroup(of: Void.self) { slots in
            for _ in 0..<max(1, options.concurrency) {
                slots.addTask(executorPreference: client.loop) { await Slot(worker: self, client: client).run() }
            }
        }
    }
}
