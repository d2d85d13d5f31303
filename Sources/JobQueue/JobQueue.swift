// SPDX-License-Identifier: Apache-2.0

/// The rules of the queue: which job goes to whom, and when.
///
/// ```swift
/// let queue = JobQueue()
/// let producer = queue.connect(), worker = queue.connect()
/// _ = queue.reserve(for: worker, timeout: nil, at: now)  // .waiting
/// queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 60, body, by: producer, at: now)
/// queue.takeEffects()  // the worker has the job
/// ```
///
/// Commands and the time go in; what they return, and the effects on clients that wait, come out. There is no clock, no
/// input or output, and no concurrency: whoever owns the queue calls ``advance(to:)`` when ``nextTime`` has come, and
/// says the time with each call that needs it, which must never be before an earlier one. A client that waits gives no
/// command but to stop waiting, and to disconnect. The rules are beanstalkd's, but that workers who
/// wait are served strictly in the order in which they came.
public final class JobQueue {
    var jobs = JobTable()
    private(set) var tubesByName: [[UInt8]: Tube] = [:]
    /// In the order in which `list-tubes` tells them.
    private(set) var tubes: [Tube] = []
    private(set) var clients = ClientTable()
    private let defaultTube: Tube
    var timers = Timers()
    var effects: [Effect] = []
    /// Tubes with clients that wait in which jobs have become ready.
    var awaited: [Tube] = []
    /// Jobs whose last attempt has taken too long, while the time advances.
    var dying: [Job] = []
    /// Clients whose wait is over, while the time advances.
    var overdue: [Client] = []
    /// The number that the next job gets.
    public private(set) var nextID: UInt64
    private var lastWait: UInt64 = 0
    private var lastBurial: Int64 = 0
    var totals = QueueStatistics()
    /// The jobs by their keys, with those whose keys are remembered.
    var keys: [UniqueKey: UInt64] = [:]
    var outcomes = OutcomeTable()
    let maximumOutcomeBytes: Int
    /// Those who wait for the end of a job, by its number.
    var observers: [UInt64: [Client]] = [:]

    /// About how much memory the jobs take: their bodies, and what goes with each.
    public internal(set) var byteCount = 0
    let isRecording: Bool
    /// What was recorded and not taken.
    var mutations: [Mutation] = []
    /// About how many bytes they may make a store write.
    public internal(set) var mutationCost = 0
    /// The number of the newest numbered mutation: what a reply must wait for that may show anything.
    ///
    /// Mutations that no reply shows by itself have no number. A reply that shows only one job need not wait for more
    /// than its ``JobSequence``.
    public internal(set) var lastSequence: UInt64 = 0

    /// An empty queue.
    ///
    /// - Parameters:
    ///   - nextID: The number that the first job gets.
    ///   - maximumOutcomeBytes: About how many bytes the outcomes that are kept may take; the oldest are dropped first.
    ///   - isRecording: Whether the queue records its mutations for its owner to take.
    public init(nextID: UInt64 = 1, maximumOutcomeBytes: Int = 1 << 26, isRecording: Bool = false) {
        self.nextID = nextID
        self.maximumOutcomeBytes = maximumOutcomeBytes
        self.isRecording = isRecording
        defaultTube = Tube(Array("default".utf8))
        add(defaultTube)
    }

    deinit {
        // Jobs and clients hold their tubes, and these them.
        for tube in tubes { tube.letGo() }
        clients.forEach { $0.reserved = SortedList() }
    }

    /// What has happened to a client that waited.
    public enum Effect: Hashable, Sendable {
        /// It has this job now.
        case reserved(ClientID, JobSnapshot)
        /// The time of a job that it holds ends within a second.
        case deadlineSoon(ClientID)
        /// It has waited long enough.
        case timedOut(ClientID)
        /// The job that it waits for is so now; after the last one it waits no more.
        case observed(ClientID, JobStatus, isLast: Bool)
    }

    /// Takes what has happened to clients that waited since the last call, in order.
    ///
    /// - Returns: None, without any work, if there is nothing: see ``hasEffects``.
    public func takeEffects() -> [Effect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    /// Whether there is something to take.
    public var hasEffects: Bool { !effects.isEmpty }

    // MARK: Clients

    /// A new client, which uses and watches the tube `default`.
    public func connect() -> ClientID {
        let client = clients.add { Client($0, defaultTube) }
        defaultTube.usingCount += 1
        defaultTube.watchingCount += 1
        totals.totalClients += 1
        return client.id
    }

    /// A client is gone: it waits no more, and its jobs are ready for others.
    public func disconnect(_ id: ClientID, at now: QueueTime) {
        guard let client = clients.remove(id) else { return }
        endWait(client)
        endObservation(client)
        while let job = client.reserved.first {
            takeBack(job, hasTimedOut: false, at: now)
        }
        serveWaiters(at: now)
        client.used.usingCount -= 1
        removeIfUnused(client.used)
        for tube in client.watched {
            tube.watchingCount -= 1
            removeIfUnused(tube)
        }
        if client.isProducer { totals.producers -= 1 }
        if client.isWorker { totals.workers -= 1 }
    }

    /// Makes later puts of a client go into a tube, which is made if there is none.
    public func use(_ name: [UInt8], by id: ClientID) {
        guard let client = clients[id] else { return }
        let old = client.used
        client.used = tube(named: name)
        client.used.usingCount += 1
        old.usingCount -= 1
        removeIfUnused(old)
    }

    /// The tube that a client uses.
    public func usedTube(of id: ClientID) -> [UInt8] { clients[id]?.used.name ?? [] }

    /// Makes a client reserve from a tube too, which is made if there is none.
    ///
    /// - Returns: How many tubes it watches.
    public func watch(_ name: [UInt8], by id: ClientID) -> Int {
        guard let client = clients[id] else { return 0 }
        let tube = tube(named: name)
        if !client.watched.contains(where: { $0 === tube }) {
            client.watched.append(tube)
            tube.watchingCount += 1
        }
        return client.watched.count
    }

    /// Makes a client reserve from a tube no more.
    ///
    /// - Returns: How many tubes it watches; `nil` if it would be none, and the tube is watched still.
    public func ignore(_ name: [UInt8], by id: ClientID) -> Int? {
        guard let client = clients[id] else { return nil }
        guard let place = client.watched.firstIndex(where: { $0.name == name }) else { return client.watched.count }
        guard client.watched.count > 1 else { return nil }
        let tube = client.watched[place]
        client.watched.swapAt(place, client.watched.count - 1)
        client.watched.removeLast()
        tube.watchingCount -= 1
        removeIfUnused(tube)
        return client.watched.count
    }

    /// The tubes that a client watches.
    public func watchedTubes(of id: ClientID) -> [[UInt8]] { clients[id]?.watched.map(\.name) ?? [] }

    /// All tubes.
    public var tubeNames: [[UInt8]] { tubes.map(\.name) }

    // MARK: Putting

    /// A number for a job. A put takes one when it begins, so that numbers are in the order in which puts began.
    public func takeID() -> UInt64 {
        defer { nextID += 1 }
        return nextID
    }

    /// Sees to it that no job gets this number or one before it.
    public func skipIDs(through id: UInt64) {
        nextID = max(nextID, id &+ 1)
    }

    /// Notes that a client has begun to put.
    public func notePut(by id: ClientID) {
        guard let client = clients[id], !client.isProducer else { return }
        client.isProducer = true
        totals.producers += 1
    }

    /// Puts a job into the tube that a client uses.
    ///
    /// - Parameters:
    ///   - job: A number from ``takeID()``.
    ///   - history: What has happened to the job before, on another server.
    /// - Returns: The job with the same key that was there already, or was a moment ago, if there is one: then nothing
    ///   was put.
    @discardableResult
    public func put(
        _ job: UInt64, priority: UInt32, delay: UInt32, timeToRun: UInt32, _ body: [UInt8], _ tags: JobTags? = nil,
        _ history: JobHistory? = nil, by id: ClientID, at now: QueueTime
    ) -> JobStatus? {
        guard let client = clients[id] else { return nil }
        if let tags, !tags.key.isEmpty {
            let former = self.job(withKey: tags.key, in: client.used, at: now)
            // A key that is only remembered finds second submissions, of which a job that is moved is none.
            if let former, history == nil || jobs[former.id] != nil { return former }
            keys[UniqueKey(tube: client.used.name, key: tags.key)] = job
        }
        let job = Job(job, in: client.used, priority: priority, delay: delay, timeToRun: timeToRun, body, tags, now)
        add(job)
        job.tube.totalCount += 1
        totals.totalJobs += 1
        if let history { restore(history, of: job) }
        if let history, history.isBuried || job.isUsedUp {
            makeBuried(job, lastBurial + 1, at: now)
        } else if delay > 0 {
            makeDelayed(job, until: now + delay, at: now)
        } else {
            makeReady(job, at: now)
        }
        record(put: job)
        if history != nil { record(change: job) }
        serveWaiters(at: now)
        return nil
    }

    func add(_ job: Job) {
        jobs.insert(job)
        byteCount += job.memory
    }

    // MARK: Reserving

    /// What a client that asks for a job gets.
    public enum Reservation: Hashable, Sendable {
        /// A job.
        case job(JobSnapshot)
        /// None, and the time of a job that it holds ends within a second.
        case deadlineSoon
        /// None, and it does not wait.
        case timedOut
        /// None yet: it waits.
        case waiting
    }

    /// Gives a client the most urgent ready job of the tubes it watches, or lets it wait for one.
    ///
    /// - Parameter timeout: How many seconds to wait; `nil` for ever.
    public func reserve(for id: ClientID, timeout: UInt32?, at now: QueueTime) -> Reservation {
        guard let client = clients[id], !client.isWaiting else { return .timedOut }
        noteWorker(client)
        var best: Job?
        for tube in client.watched where !tube.isPaused {
            guard let job = tube.ready.first else { continue }
            if best.map({ ByPriority.key(of: job) < ByPriority.key(of: $0) }) ?? true { best = job }
        }
        if let best {
            reserve(best, for: client, at: now)
            return .job(JobSnapshot(best))
        }
        if let margin = client.marginStart, margin <= now { return .deadlineSoon }
        if timeout == 0 { return .timedOut }
        wait(client, until: timeout.map { now + $0 })
        return .waiting
    }

    /// Gives a client a certain job, whatever its tube, unless it is reserved.
    public func reserve(_ job: UInt64, for id: ClientID, at now: QueueTime) -> JobSnapshot? {
        guard let client = clients[id], let job = jobs[job], job.state != .reserved else { return nil }
        noteWorker(client)
        reserve(job, for: client, at: now)
        return JobSnapshot(job)
    }

    /// Ends a client's wait, as if its time were over: it can no longer say anything.
    public func stopWaiting(_ id: ClientID, at now: QueueTime) {
        guard let client = clients[id] else { return }
        if client.isWaiting {
            endWait(client)
            effects.append(.timedOut(id))
        } else if client.observed != nil {
            observationIsOver(client, at: now)
        }
    }

    private func noteWorker(_ client: Client) {
        guard !client.isWorker else { return }
        client.isWorker = true
        totals.workers += 1
    }

    func reserve(_ job: Job, for client: Client, at now: QueueTime) {
        takeOut(job)
        job.state = .reserved
        job.since = now
        job.holder = client
        job.reserves += 1
        job.tube.reserved.insert(job)
        totals.reserved += 1
        startLease(of: job, at: now)
        client.reserved.insert(job)
        if let extras = job.extras, !extras.text.isEmpty || extras.percent > 0 {
            byteCount -= extras.text.count
            (extras.percent, extras.text) = (0, [])
        }
        // The worker must not begin an attempt that would be forgotten.
        if job.tags?.attempts ?? 0 > 0 { record(change: job) } else { recordCounts(of: job) }
        hasChanged(job, at: now)
    }

    func startLease(of job: Job, at now: QueueTime) {
        if job.hasDeadline { timers.jobs.set(job, to: now + job.timeToRun) } else { job.time = .never }
    }

    private func wait(_ client: Client, until end: QueueTime?) {
        lastWait += 1
        client.wait = lastWait
        client.isWaiting = true
        client.waitEnd = end
        totals.waiting += 1
        for tube in client.watched { tube.waiters.append(client) }
        startTimer(of: client)
    }

    func startTimer(of client: Client) {
        guard let time = [client.waitEnd, client.marginStart].compactMap({ $0 }).min() else { return }
        timers.clients.set(client, to: time)
    }

    func endWait(_ client: Client) {
        guard client.isWaiting else { return }
        client.isWaiting = false
        totals.waiting -= 1
        timers.clients.remove(client)
        for tube in client.watched { tube.waiters.removeOne() }
    }

    // MARK: A worker's own jobs

    /// Deletes a job: one that the client has reserved, or one that nobody has.
    ///
    /// - Returns: Whether there was such a job.
    public func delete(_ id: UInt64, by client: ClientID, at now: QueueTime) -> Bool {
        guard let job = jobs[id], job.state != .reserved || job.holder?.id == client else { return false }
        switch job.state {
        case .reserved: end(job, .done, [], at: now)
        case .buried: end(job, .failed, job.extras?.reason ?? [], at: now)
        case .ready, .delayed: end(job, .cancelled, [], at: now)
        }
        return true
    }

    /// Puts a job that the client has reserved back into its tube, or aside if it may not be tried again.
    ///
    /// - Returns: Where it is; `nil` if there was no such job.
    public func release(
        _ id: UInt64, priority: UInt32, delay: UInt32, by client: ClientID, at now: QueueTime
    ) -> Returned? {
        guard let job = reserved(id, by: client) else { return nil }
        job.priority = priority
        let isLast = job.isUsedUp
        return giveBack(job, delay: delay, isLast: isLast, reason: isLast ? Self.releasedTooOften : [], at: now)
    }

    /// Puts a job that the client has reserved aside.
    ///
    /// - Returns: Whether there was such a job.
    public func bury(_ id: UInt64, priority: UInt32, by client: ClientID, at now: QueueTime) -> Bool {
        guard let job = reserved(id, by: client) else { return false }
        takeOut(job)
        job.priority = priority
        setReason([], of: job)
        bury(job, at: now)
        return true
    }

    /// Lets the time to run of a job that the client has reserved begin anew.
    ///
    /// - Returns: What a reply that shows the job must wait for; `nil` if there was no such job.
    public func touch(_ id: UInt64, by client: ClientID, at now: QueueTime) -> JobSequence? {
        guard let job = reserved(id, by: client), let holder = job.holder else { return nil }
        holder.reserved.remove(job)
        startLease(of: job, at: now)
        holder.reserved.insert(job)
        return JobSequence(job.sequence)
    }

    /// Puts a job aside that was taken out.
    func bury(_ job: Job, at now: QueueTime) {
        change(job) { $0.counts.buries += 1 }
        makeBuried(job, lastBurial + 1, at: now)
        record(change: job)
        hasChanged(job, at: now)
    }

    func makeBuried(_ job: Job, _ burial: Int64, at now: QueueTime) {
        lastBurial = max(lastBurial, burial)
        job.state = .buried
        job.since = now
        change(job) { $0.burial = burial }
        job.tube.buried.insert(job)
        totals.buried += 1
    }

    func reserved(_ id: UInt64, by client: ClientID) -> Job? {
        guard let job = jobs[id], job.state == .reserved, job.holder?.id == client else { return nil }
        return job
    }

    // MARK: Anybody's jobs

    /// A job by its number.
    public func job(_ id: UInt64) -> JobSnapshot? { jobs[id].map(JobSnapshot.init) }

    /// The first job in a state, in the tube that a client uses: the next to be reserved, to be ready, or to be kicked.
    public func firstJob(_ state: JobState, for id: ClientID) -> JobSnapshot? {
        guard let tube = clients[id]?.used else { return nil }
        let first: Job? =
            switch state {
            case .ready: tube.ready.first
            case .delayed: tube.delayed.first
            case .buried: tube.buried.first
            case .reserved: nil
            }
        return first.map(JobSnapshot.init)
    }

    /// Makes buried jobs of the tube that a client uses ready, or, if there are none, delayed ones.
    ///
    /// - Returns: How many; at most `bound`.
    public func kick(_ bound: UInt32, by id: ClientID, at now: QueueTime) -> Int {
        guard let tube = clients[id]?.used else { return 0 }
        let buriesFirst = !tube.buried.isEmpty
        var count = 0
        while count < bound, let job = buriesFirst ? tube.buried.first : tube.delayed.first {
            kick(job, at: now)
            count += 1
        }
        serveWaiters(at: now)
        return count
    }

    /// Makes a buried or delayed job ready.
    ///
    /// - Returns: Whether there was such a job.
    public func kickJob(_ id: UInt64, at now: QueueTime) -> Bool {
        guard let job = jobs[id], job.state == .buried || job.state == .delayed else { return false }
        kick(job, at: now)
        serveWaiters(at: now)
        return true
    }

    private func kick(_ job: Job, at now: QueueTime) {
        takeOut(job)
        change(job) { extras in
            extras.counts.kicks += 1
            extras.formerReserves = job.reserves
        }
        makeReady(job, at: now)
        record(change: job)
        hasChanged(job, at: now)
    }

    // MARK: Tubes

    func tube(named name: [UInt8]) -> Tube {
        if let tube = tubesByName[name] { return tube }
        let tube = Tube(name)
        add(tube)
        return tube
    }

    private func add(_ tube: Tube) {
        tube.index = tubes.count
        tubes.append(tube)
        tubesByName[tube.name] = tube
    }

    /// Forgets a tube that nobody uses or watches and that has no jobs, with its pause and its counts.
    func removeIfUnused(_ tube: Tube) {
        guard tube.isUnused, tube !== defaultTube, tubesByName[tube.name] === tube else { return }
        timers.tubes.remove(tube)
        if tube.isPaused {
            tube.pause = 0
            record(pause: tube)
        }
        tubesByName[tube.name] = nil
        tubes.swapAt(tube.index, tubes.count - 1)
        tubes[tube.index].index = tube.index
        tubes.removeLast()
    }
}
