// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import JobQueue
internal import JobStore

/// Knows how far the store has come, keeps the connections whose replies wait for it, and decides when mutations are
/// submitted.
///
/// The queue is ahead of the store. A group of mutations costs the store as much as the commands of several
/// connections, so they are gathered while the loop has more to do, for a millisecond at most, and while the group
/// before is written.
final class CommitGate {
    private let queue: JobQueue
    private let log: (any MutationLog)?
    private let loop: EventLoop
    private var calls: Calls?

    /// What the store has.
    private(set) var stored: Barrier
    /// Whether the store has no space for more than what was executed already.
    private(set) var isFull = false
    /// Why the store has ended.
    private(set) var failure: StoreError?

    /// The connections with replies that wait for the store: all whose ``ReplySender/isHeld`` is true.
    private var held: [ServedConnection] = []
    /// The connections whose commands wait until there is room in the store.
    private var congested: [ServedConnection] = []

    private var mutations: [Mutation] = []
    private var submissions = Submissions()
    private var submittedSequence: UInt64 = 0
    private var submitsAtOnce = false
    private var isIdleCallRequested = false
    private var isLateCallScheduled = false
    /// When to submit even if there is more to do, on the loop's clock.
    private var deadline: Int64 = 0

    /// About how many bytes may be executed and not written yet: the store has set space aside for as many, so that
    /// what was executed can always be written.
    private static let executedLimit = 1 << 23
    /// How long mutations are gathered, in nanoseconds.
    private static let longestGathering: Int64 = 1_000_000

    /// What the loop calls the gate for.
    private struct Calls {
        let whenIdle: LoopRequest
        let later: @Sendable () -> Void
    }

    /// - Parameter log: The store; `nil` for none: then every reply may leave at once.
    init(_ queue: JobQueue, _ log: (any MutationLog)?, on loop: EventLoop) {
        self.queue = queue
        self.log = log
        self.loop = loop
        stored = .stored(through: log == nil ? .max : 0)
    }

    /// Has the store begin to commit.
    ///
    /// - Parameter call: Calls back on the loop.
    func start(_ call: @escaping @Sendable (LoopCall) -> Void) {
        calls = Calls(whenIdle: LoopRequest { call(.loopIsIdle) }, later: { call(.lateSubmission) })
        let reporter = LoopRequest { call(.storeHasProgressed) }
        log?.start { [loop] in loop.request(reporter) }
        if let log { isFull = log.progress.isFull }
    }

    // MARK: Replies that wait

    /// Keeps a connection, once, until the store has come further: see ``ServedConnection/storeHasProgressed()``.
    func hold(_ connection: ServedConnection) {
        held.append(connection)
    }

    /// Takes notice of how far the store has come. The replies that have waited for it leave with ``letGo()``.
    func takeProgress() {
        guard let progress = log?.progress else { return }
        isFull = progress.isFull
        failure = progress.failure
        guard failure == nil else { return }
        stored = .stored(through: progress.sequence)
        submissions.remove(through: progress.sequence)
    }

    /// Lets the replies leave that have waited for what the store has now, and commands go on that have waited for
    /// room.
    func letGo() {
        // Those that must go on waiting come back into the list, which is why it is another one meanwhile.
        var connections: [ServedConnection] = []
        swap(&connections, &held)
        for connection in connections { connection.storeHasProgressed() }
        if held.isEmpty {
            connections.removeAll(keepingCapacity: true)
            swap(&connections, &held)
        }
        guard hasRoom, !congested.isEmpty else { return }
        for connection in congested { connection.storeHasRoom() }
        congested.removeAll()
    }

    /// Ends the connections whose replies will never be true.
    func abandonHeld() {
        for connection in held { connection.abandon() }
        held.removeAll()
    }

    // MARK: Room

    /// Whether more commands may be executed.
    var hasRoom: Bool { submissions.byteCount + queue.mutationCost <= Self.executedLimit }

    /// Keeps a connection until there is room for its commands.
    func holdCommands(of connection: ServedConnection) {
        congested.append(connection)
        // What was executed must be on its way, or there is never room again.
        submit()
    }

    // MARK: Submitting

    /// Whether everything executed is in the store, or the store has failed.
    var isDone: Bool { failure != nil || (submissions.isEmpty && !queue.hasMutations) }

    /// Submits what was executed, and from now on does so without gathering.
    func submitAtOnce() {
        submitsAtOnce = true
        // A disk that stays full would keep the server from ending.
        log?.stopWaitingForSpace()
        submit()
    }

    /// Has what was executed submitted soon, if there is anything.
    ///
    /// Commands already received join the group: submitted at once, a group would have those of the first connections,
    /// and the others would wait for it and for the next one.
    func requestSubmission() {
        guard queue.hasMutations else { return }
        if submitsAtOnce { return submit() }
        guard queue.lastSequence > submittedSequence else { return submitLater() }
        if !isIdleCallRequested, let calls {
            isIdleCallRequested = true
            deadline = loop.now + Self.longestGathering
            loop.whenIdle(calls.whenIdle)
        } else if loop.now >= deadline {
            submit()
        }
    }

    /// No reply waits for what was executed, so it joins the next group; but a crash should not lose it either.
    private func submitLater() {
        guard !isLateCallScheduled, let calls else { return }
        isLateCallScheduled = true
        loop.schedule(after: .seconds(1), calls.later)
    }

    func loopIsIdle() {
        isIdleCallRequested = false
        submit()
    }

    func lateSubmissionIsDue() {
        isLateCallScheduled = false
        submit()
    }

    private func submit() {
        deadline = loop.now + Self.longestGathering
        guard let log, queue.hasMutations else { return }
        submissions.append(through: queue.lastSequence, byteCount: queue.mutationCost)
        queue.takeMutations(into: &mutations)
        submittedSequence = queue.lastSequence
        log.submit(&mutations, through: queue.lastSequence, nextID: queue.nextID)
    }
}
