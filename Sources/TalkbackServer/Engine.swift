// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import JobQueue
internal import JobStore

/// The queue with its clock, its store and its sessions: an actor on the event loop that the connections are on, so that what
/// a connection receives is executed where it was received.
///
/// No reply leaves before everything that it shows is in the store. The queue is ahead of the store and numbers its mutations;
/// each reply has the number of the last one that it shows, its barrier, and is kept until the store has come so far.
actor Engine {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    let queue: JobQueue
    let store: JobStore?
    nonisolated let options: ServerOptions
    let start = ContinuousClock.now
    var counters = CommandCounters()
    var isDraining = false
    /// Nothing more is executed: the server is about to end.
    var isStopping = false
    let instanceID = InstanceID()
    var sessions: [ClientID: Session] = [:]
    private var timer: (time: QueueTime, scheduled: ScheduledTimer)?

    /// Buffers that each connection uses in its turn.
    var input: [UInt8] = []
    var replies: [UInt8] = []
    /// What all connections hold of bodies that have not arrived whole.
    var pendingBytes = 0

    // The store: see Engine+Store.swift.
    var storedSequence: UInt64
    var isStoreFull = false
    /// How many lines of the program's log were dropped so far.
    let droppedLogLines: @Sendable () -> Int
    /// Told when puts begin to be refused for want of disk space, and when they are taken again.
    var onStoreFull: @Sendable (Bool) -> Void = { _ in }
    var isSubmitRequested = false
    var isLateSubmitScheduled = false
    var submittedSequence: UInt64 = 0
    /// When to submit even if there is more to do; on the loop's clock.
    var submitDeadline: Int64 = 0
    var mutations: [Mutation] = []
    var submissions = Submissions()
    var heldSessions: [Session] = []
    var blockedSessions: [Session] = []
    /// Why the store has ended.
    var failure: StoreError?
    /// Those who wait for the end.
    var endWaiters: [CheckedContinuation<Void, Never>] = []
    lazy var submitter = LoopRequest { [weak self] in self?.assumeIsolated { $0.loopIsIdle() } }

    init(
        _ options: ServerOptions, _ queue: sending JobQueue, _ store: JobStore?, on loop: EventLoop,
        droppedLogLines: @escaping @Sendable () -> Int
    ) {
        self.droppedLogLines = droppedLogLines
        self.options = options
        self.queue = queue
        self.store = store
        self.loop = loop
        storedSequence = store == nil ? .max : 0
    }

    /// The queue's clock is the loop's: nanoseconds, read once a turn.
    var now: QueueTime { QueueTime(nanoseconds: loop.now) }

    /// Whether there is no room for a job with so many bytes.
    func isOutOfMemory(_ byteCount: Int) -> Bool {
        queue.byteCount + pendingBytes + byteCount > options.maximumMemory
    }

    /// Whether there is no room for a body that is under way. Results do not pay for the jobs: they end them.
    func isOutOfMemory(for command: Session.Unfinished) -> Bool {
        switch command {
        case .put: isOutOfMemory(0)
        case .finish(_, let byteCount): byteCount > 0 && pendingBytes > options.maximumMemory
        // Few bytes, which every worker must be able to say.
        case .fail: false
        }
    }

    /// Takes no more jobs.
    func drain() {
        isDraining = true
    }

    // MARK: Time

    /// Gives those who wait what there is for them, has the store keep what has changed, and sets the timer.
    func settle() {
        if queue.hasEffects {
            var told: [Session] = []
            for effect in queue.takeEffects() {
                switch effect {
                case .reserved(let client, let job):
                    endWait(client, .reserved(job.id, body: job.body), job.sequence)
                case .deadlineSoon(let client): endWait(client, .deadlineSoon, 0)
                case .timedOut(let client): endWait(client, .timedOut, queue.lastSequence)
                case .observed(let client, let status, isLast: true):
                    endWait(client, .state(JobReport(status)), status.sequence)
                case .observed(let client, let status, isLast: false):
                    if let session = tell(client, status), told.last !== session { told.append(session) }
                }
            }
            for session in told { flushOrEnd(session) }
        }
        if queue.hasMutations { requestSubmit() }
        setTimer()
    }

    /// One timer for everything that the queue waits for. One that is too early does no harm: it looks, and is set again.
    func setTimer() {
        guard let next = queue.nextTime else { return }
        if let timer, timer.time <= next { return }
        timer?.scheduled.cancel()
        let scheduled = loop.schedule(at: next.nanoseconds) { [weak self] in
            self?.assumeIsolated { engine in
                engine.timer = nil
                engine.queue.advance(to: engine.now)
                engine.settle()
            }
        }
        timer = (next, scheduled)
    }
}
