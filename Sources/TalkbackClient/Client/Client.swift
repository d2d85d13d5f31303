// SPDX-License-Identifier: Apache-2.0

public import AsyncSockets
internal import BeanstalkProtocol
internal import Sockets
internal import SystemPackage

/// A client of a Talkback server, or of any other that speaks beanstalkd's protocol.
///
/// ```swift
/// let client = try await Client.connect(to: .default)
/// let id = try await client.put("holiday.jpg", into: "resize")
///
/// let job = try await client.reserve(from: ["resize"])  // waits until there is one
/// try await work(on: job.body)
/// try await job.delete()
/// ```
///
/// A client that is no longer needed is to be closed: until then it keeps its connection.
///
/// One client is enough for a program: any number of tasks may use it at once, and their commands then go over one
/// connection without waiting for each other's replies. A reserve that has to wait gets a connection of its own, and so
/// stops nobody.
///
/// When a connection is lost, the client makes a new one, with pauses that grow. A command that was not sent is sent
/// then, and one that changes nothing is sent again; for all others the call says that it is not known whether it was
/// done (``ClientError/Reason/outcomeUnknown(_:)``): nothing is ever put twice. (A job with a ``PutOptions/uniqueness``
/// that is remembered for longer than this client's patience is put again, which finds it.) What was reserved over the
/// lost connection is another worker's (``ClientError/Reason/jobLost``).
public actor Client {
    nonisolated let loop: EventLoop
    /// The event loop that the client's connections are on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Where the server is.
    public nonisolated let address: ServerAddress
    /// How the client deals with time.
    public nonisolated let options: ClientOptions

    private var lanes: [Lane.ID: Lane] = [:]
    private var nextLane = 0
    /// The connection of all commands that do not wait.
    private(set) var shared: Lane.ID?
    private var connecting: Task<Void, Never>?
    private var connectWaiters: [CheckedContinuation<Void, Never>] = []
    private var lastConnectError: SocketError?
    private(set) var isClosed = false
    /// Which connection has reserved a job, and with it the only one that can finish the job.
    var holders: [JobID: Lane.ID] = [:]
    /// Connections that reserves have waited on, and others can.
    var idle: [Lane.ID] = []
    /// Connections that a reserve waits on.
    var waiting: Set<Lane.ID> = []
    /// Connections that wait for the end of a job.
    var observing: Set<Lane.ID> = []
    var isReservingStopped = false
    /// When the loop will look at the deadlines of a connection.
    private var deadlineTimers: [Lane.ID: (time: Int64, timer: ScheduledTimer)] = [:]
    /// Counts what was reserved.
    var reservations: Lane.Reservation = 0
    /// Whether the server has ever answered as one of its kind does.
    private(set) var isKnownServer = false
    /// What a server has said that is not the protocol, unless it has answered since.
    private var strangeAnswer: ReplyError?
    /// How many connections in a row have ended without a single reply.
    private var uselessConnections = 0

    static let reconnecting = Backoff(first: .milliseconds(50), longest: .seconds(2))

    /// A client that connects when it is first used.
    ///
    /// - Parameters:
    ///   - address: Where the server is.
    ///   - options: How to deal with time.
    ///   - loop: The loop that its connections are on; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: ``ClientError`` when the system has no event loop for it.
    public init(
        _ address: ServerAddress = .default, options: ClientOptions = ClientOptions(), on loop: EventLoop? = nil
    ) throws(ClientError) {
        do throws(SocketError) {
            if let loop = loop ?? EventLoop.current {
                self.loop = loop
            } else {
                self.loop = try EventLoopGroup.shared.next()
            }
        } catch {
            throw ClientError("connect to \(address)", .cannotConnect(error))
        }
        self.address = address
        self.options = options
    }

    /// A client that is connected.
    ///
    /// - Parameters:
    ///   - address: Where the server is.
    ///   - options: How to deal with time.
    ///   - loop: The loop that its connections are on; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: ``ClientError`` when there is no connection at the first attempt.
    public static func connect(
        to address: ServerAddress = .default, options: ClientOptions = ClientOptions(), on loop: EventLoop? = nil
    ) async throws(ClientError) -> Client {
        let client = try Client(address, options: options, on: loop)
        try await client.connectOnce()
        return client
    }

    private func connectOnce() async throws(ClientError) {
        let operation = "connect to \(address)"
        do throws(SocketError) {
            shared = try await newLane(timeout: options.connectTimeout).id
        } catch {
            if error.reason == .cancelled { throw ClientError(operation, .cancelled) }
            // The operation says where already.
            throw ClientError(operation, .cannotConnect(error), error.connectExplanation)
        }
    }

    /// Closes all connections. Calls that wait fail, and the server gives what was reserved to others.
    public func close() {
        isClosed = true
        for lane in lanes.values { lane.close() }
        lanes = [:]
        resumeConnectWaiters()
    }

    /// Ends the calls that wait for a job, and all later ones, with ``ClientError/Reason/closed``. No job is lost by
    /// it: one that was on its way goes back.
    public func stopReserving() {
        isReservingStopped = true
        for id in waiting { lanes[id]?.close() }
    }

    // MARK: Commands

    /// Sends a command over the connection that all share, and gets the reply.
    ///
    /// - Parameter isRepeatable: Whether it may be executed twice.
    func perform(
        _ operation: @autoclosure () -> String, _ command: Command, body: [UInt8]? = nil, using tube: Tube? = nil,
        watching tubes: Set<TubeName>? = nil, isRepeatable: Bool
    ) async throws(ClientError) -> (reply: Reply, lane: Lane.ID) {
        let patienceEnd = loop.now + options.patience.clampedNanoseconds
        var attempts = 0
        while true {
            let lane = try await sharedLane(until: patienceEnd, operation)
            let answer: Lane.Answer
            switch command.isOnlyTalkbacks ? await outcomes(on: lane) : .success(true) {
            case .success(true):
                let deadline = loop.now + options.replyTimeout.clampedNanoseconds
                answer = await ask(command, body: body, using: tube?.name, watching: tubes, by: deadline, on: lane)
            case .success(false): throw ClientError(operation(), .notUnderstood)
            case .failure(let failure): answer = .failure(failure)
            }
            switch answer {
            case .success(let reply): return (reply, lane.id)
            case .failure(let failure):
                guard case .ended(_, let wasSent) = failure, !wasSent || isRepeatable, !isClosed else {
                    throw error(operation(), failure, isRepeatable: isRepeatable)
                }
                // At least once more, whatever the patience: a connection that was idle may have ended long ago.
                let isHopeless = strangeAnswer != nil || (!isKnownServer && attempts >= 3)
                if attempts > 0, loop.now >= patienceEnd || isHopeless {
                    throw error(operation(), failure, isRepeatable: isRepeatable)
                }
                attempts += 1
            }
        }
    }

    /// Sends a command over one connection, and waits for the reply.
    func ask(
        _ command: Command, body: [UInt8]? = nil, using tube: TubeName? = nil, watching tubes: Set<TubeName>? = nil,
        by deadline: Int64, onReport: ((JobReport) -> Void)? = nil, on lane: Lane
    ) async -> Lane.Answer {
        let ticket = Ticket()
        let id = lane.id
        let answer: Lane.Answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // The task is marked before the handler runs, so either this finds the mark or the handler the command.
                if Task.isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                ticket.token = lane.send(
                    command, body: body, using: tube, watching: tubes, deadline: deadline, onReport: onReport,
                    continuation)
                if deadline < .max { lookAtDeadlines(of: id, at: deadline) }
            }
        } onCancel: {
            Task { await self.cancel(ticket, on: id) }
        }
        if case .success = answer {
            isKnownServer = true
            strangeAnswer = nil
        }
        return answer
    }

    /// By what a command that was sent can be cancelled. Used by the client only.
    private final class Ticket: @unchecked Sendable {
        // `@unchecked`: only code that is isolated to the client reads and writes it.
        var token: UInt64 = 0
    }

    private func cancel(_ ticket: Ticket, on id: Lane.ID) {
        guard let lane = lanes[id], lane.isUnderWay(ticket.token) else { return }
        // A connection that waits has nothing else to lose, and a job goes back with it.
        if waiting.contains(id) || observing.contains(id) { lane.close() } else { lane.cancel(ticket.token) }
    }

    /// - Parameter isRepeatable: Whether it does not matter if the command was executed.
    func error(_ operation: String, _ failure: Lane.Failure, isRepeatable: Bool = false) -> ClientError {
        let doubt = isRepeatable ? "" : "it may have been done or not: "
        switch failure {
        case .ended where isClosed: return ClientError(operation, .closed)
        case .ended(let error, true):
            return ClientError(operation, .outcomeUnknown(error), doubt + explanation(ofLoss: error))
        case .ended(let error, false): return lossError(operation, error)
        case .timedOut:
            let seconds = options.replyTimeout.wholeSeconds
            return ClientError(
                operation, .outcomeUnknown(SocketError(.receive, .system(.timedOut))),
                doubt + "\(address) has not answered within \(seconds) s" + (isKnownServer ? "" : "; \(Self.doubt)"))
        case .cancelled: return ClientError(operation, .cancelled)
        case .refused(let reply): return ClientError(operation, Self.reason(for: reply))
        case .notTheProtocol(let error): return strangeAnswerError(operation, error)
        }
    }

    /// There is no connection, and the command was not sent or may be sent again.
    func lossError(_ operation: String, _ error: SocketError?) -> ClientError {
        if let strangeAnswer { return strangeAnswerError(operation, strangeAnswer) }
        let isEnd = error == nil || error?.reason == .closed
        return ClientError(
            operation, .cannotConnect(error ?? SocketError(.receive, .closed)),
            isEnd ? explanation(ofLoss: nil) : nil)
    }

    private func strangeAnswerError(_ operation: String, _ answer: ReplyError) -> ClientError {
        ClientError(
            operation, .unexpectedReply("\(answer)"),
            "\(address) does not speak beanstalkd's protocol; it answered \(answer)")
    }

    /// Of what has never answered.
    private static let doubt = "perhaps it does not speak beanstalkd's protocol"

    private func explanation(ofLoss error: SocketError?) -> String {
        if let error, error.reason != .closed { return "\(error)" }
        guard !isKnownServer else { return "the server closed the connection" }
        return "\(address) closed the connection without an answer; \(Self.doubt)"
    }

    // MARK: Connections

    /// The connection that all share, made if there is none.
    private func sharedLane(
        until deadline: Int64, _ operation: () -> String
    ) async throws(ClientError) -> Lane {
        var isFirst = true
        while true {
            if isClosed { throw ClientError(operation(), .closed) }
            if let shared, let lane = lanes[shared], !lane.isEnded { return lane }
            if Task.isCancelled { throw ClientError(operation(), .cancelled) }
            if !isFirst, loop.now >= deadline { throw lossError(operation(), lastConnectError) }
            isFirst = false
            await waitForConnection()
        }
    }

    /// Waits until there is a connection, or the next attempt has failed.
    private func waitForConnection() async {
        if connecting == nil {
            connecting = Task { await self.connectShared() }
        }
        await withCheckedContinuation { continuation in
            if connecting == nil { continuation.resume() } else { connectWaiters.append(continuation) }
        }
    }

    /// One attempt after another for as long as somebody waits.
    private func connectShared() async {
        var failures = 0
        if uselessConnections > 0 {
            try? await loop.sleep(for: Self.reconnecting.randomPause(after: uselessConnections))
        }
        while !isClosed {
            do throws(SocketError) {
                lastConnectError = nil
                shared = try await newLane(timeout: options.connectTimeout).id
                break
            } catch {
                lastConnectError = error
                failures += 1
            }
            // Those whose time is over go; the others come back at once.
            resumeConnectWaiters()
            try? await loop.sleep(for: Self.reconnecting.randomPause(after: failures))
            if connectWaiters.isEmpty { break }
        }
        connecting = nil
        resumeConnectWaiters()
    }

    private func resumeConnectWaiters() {
        let waiters = connectWaiters
        connectWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// A connection, if it is still there.
    func lane(_ id: Lane.ID) -> Lane? {
        guard let lane = lanes[id], !lane.isEnded else { return nil }
        return lane
    }

    func newLane(timeout: Duration) async throws(SocketError) -> Lane {
        let connection = try await address.connect(on: loop, timeout: timeout)
        if isClosed {
            connection.close()
            throw SocketError(.connect, .closed)
        }
        // So that a server that has vanished is noticed even by a reserve that waits for ever. Unix sockets have no
        // such options.
        try? connection.set(Connection.KeepAlive(idle: .seconds(60), interval: .seconds(10), count: 6))
        nextLane += 1
        let lane = Lane(nextLane, connection)
        lanes[lane.id] = lane
        lane.onOrphan = { [weak self, id = lane.id] job in
            self?.assumeIsolated { client in client.giveBackOrphan(job, on: id) }
        }
        lane.onStrangeAnswer = { [weak self] answer in
            self?.assumeIsolated { client in client.strangeAnswer = answer }
        }
        let id = lane.id
        Task {
            await lane.run()
            self.forget(id)
        }
        return lane
    }

    private func forget(_ id: Lane.ID) {
        if let lane = lanes.removeValue(forKey: id) {
            for job in lane.heldJobs.keys where holders[job] == id { holders[job] = nil }
            uselessConnections = lane.hasReplied ? 0 : uselessConnections + 1
        }
        idle.removeAll { $0 == id }
        if shared == id { shared = nil }
        deadlineTimers.removeValue(forKey: id)?.timer.cancel()
    }

    /// Sees to it that somebody looks at the deadlines of a connection's replies then, or sooner.
    private func lookAtDeadlines(of id: Lane.ID, at time: Int64) {
        if let armed = deadlineTimers[id] {
            guard time < armed.time else { return }
            armed.timer.cancel()
        }
        let timer = loop.schedule(at: time) { [weak self] in
            self?.assumeIsolated { client in
                client.deadlineTimers[id] = nil
                guard let lane = client.lanes[id] else { return }
                let patience = client.options.replyTimeout.clampedNanoseconds
                let again = lane.checkDeadlines(at: client.loop.now, patience: patience) ?? lane.nextDeadline
                if let again, again < .max { client.lookAtDeadlines(of: id, at: again) }
            }
        }
        deadlineTimers[id] = (time, timer)
    }
}
