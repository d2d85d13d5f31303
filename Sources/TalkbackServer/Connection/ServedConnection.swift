// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import JobQueue
internal import Sockets
internal import SystemPackage

/// One connection: what arrives is executed where it is received, and answered in one send.
///
/// It owns everything that belongs to the connection and does everything that is done to it; the ``Dispatcher`` brings
/// it the replies that its client waits for, and the ``CommitGate`` tells it when the store has come further.
final class ServedConnection {
    let client: ClientID
    private let connection: Connection
    private let exchange: Exchange
    private let dispatcher: Dispatcher

    private(set) var phase = Phase.open

    // What comes in.
    private var readability = Readability()
    /// Whether the client speaks another protocol; `nil` once it is known that it does not.
    private var detector: ForeignProtocolDetector? = ForeignProtocolDetector(.beanstalk)
    /// What the client speaks in place of commands: why the connection ends.
    private var foreignProtocol: ForeignProtocol?
    private var received = ReceivedBytes()
    private var parser: CommandParser
    /// The command whose body is on its way.
    private var unfinished: UnfinishedCommand?
    /// How many bytes of its body the parser has.
    private var pendingByteCount = 0

    // What goes out.
    private var sender: ReplySender

    /// More replies than this are sent before more commands are executed.
    private static let outboxLimit = 1 << 18
    /// A follower with more unread than this is not told of more until it has read it, and then of the latest only.
    private static let unreadLimit = 1 << 16
    /// How much of what arrives behind a good-bye is discarded, and for how long.
    private static let discardLimit = (byteCount: 1 << 20, time: Duration.seconds(1))

    init(_ connection: Connection, of dispatcher: Dispatcher) {
        self.connection = connection
        self.dispatcher = dispatcher
        exchange = Exchange(on: connection)
        client = dispatcher.engine.connect()
        parser = CommandParser(maximumJobSize: dispatcher.options.maximumJobSize)
        sender = ReplySender(connection, exchange)
    }

    /// Talks to the client until one of the two has had enough.
    ///
    /// - Throws: `SocketError` but for a peer that is gone: that is how connections end. `ForeignProtocol` if the
    ///   client speaks another protocol.
    func run() async throws {
        defer { leave(.byPeer) }
        do throws(SocketError) {
            try await exchange.run { events throws(SocketError) in
                do throws(SocketError) {
                    try self.handle(events)
                } catch {
                    self.leave(.byPeer)
                    throw error
                }
            }
        } catch {
            guard error.errno != .connectionReset, error.errno != .brokenPipe, error.reason != .cancelled else {
                return
            }
            throw error
        }
        guard phase == .closing(.bySelf) else { return }
        if let foreignProtocol {
            // What has not come yet must not turn the end into a reset.
            try? await discard()
            throw foreignProtocol
        }
        // A server that ends does not wait for clients that ask nothing of it.
        if !dispatcher.takesCommands, received.isEmpty, await becomesQuiet() { return }
        try await discard()
    }

    /// Whether the connection is quiet, or becomes so once the peer has acknowledged the last reply: `tcp(7)` lets it
    /// delay that, on Linux by up to 200 ms.
    private func becomesQuiet() async -> Bool {
        for _ in 0..<25 {
            if connection.isQuiet { return true }
            guard (try? await connection.loop.sleep(for: .milliseconds(10))) != nil else { break }
        }
        return false
    }

    private func discard() async throws(SocketError) {
        try await connection.finish(discarding: Self.discardLimit.byteCount, timeout: Self.discardLimit.time)
    }

    private func handle(_ events: PollEvents) throws(SocketError) {
        readability.note(events)
        if sender.unsentCount > 0 { try flush() }
        try takeCommands()
    }

    // MARK: Commands

    /// Receives and executes for as long as there is something and no reason to stop.
    private func takeCommands() throws(SocketError) {
        // Everybody's buffer, which no other connection has a use for meanwhile.
        var input: [UInt8] = []
        swap(&input, &dispatcher.buffers.input)
        defer { swap(&input, &dispatcher.buffers.input) }
        while mayTakeCommands() {
            if !received.isEmpty {
                try executeReceived()
                continue
            }
            guard readability.mayReceive else { return }
            input.removeAll(keepingCapacity: true)
            let count = try exchange.tryReceive(appendingTo: &input, upTo: SharedBuffers.inputSize)
            readability.received(count, of: SharedBuffers.inputSize)
            guard let count else { return }
            if count == 0 { return close(.byPeer) }
            if let foreign = examine(input) {
                foreignProtocol = foreign
                return close(.bySelf)
            }
            var position = 0
            try execute(input, &position)
            if position < input.count { received.keep(input[position...]) }
            // The others have their turn before there is more.
            if readability.mayReceive { return exchange.callAgain() }
        }
    }

    /// Examines the first bytes of a connection before any of them is parsed.
    ///
    /// - Returns: What the client speaks in place of commands; `nil` as long as it may be commands.
    private func examine(_ input: [UInt8]) -> ForeignProtocol? {
        switch detector?.examine(input.span) {
        case .undecided, nil: return nil
        case .text:
            detector = nil
            return nil
        case .foreign(let foreign): return foreign
        }
    }

    /// Looks for a reason to stop, and remembers it.
    private func mayTakeCommands() -> Bool {
        if phase.isWaiting, readability.isHalfClosed {
            // The client can say nothing any more, so there is nothing to wait for.
            dispatcher.stopWaiting(client)
        }
        guard phase.isOpen, dispatcher.takesCommands else { return false }
        if sender.unsentCount > Self.outboxLimit {
            phase.congest(.outbox)
        } else if !dispatcher.gate.hasRoom {
            phase.congest(.store)
            dispatcher.gate.holdCommands(of: self)
        }
        return phase.isOpen
    }

    /// Executes what was received earlier.
    private func executeReceived() throws(SocketError) {
        var position = 0
        let input = received.take(&position)
        try execute(input, &position)
        received.putBack(input, at: position)
    }

    /// Executes the commands in some bytes until there is a reason to stop, and sends the replies.
    private func execute(_ input: [UInt8], _ position: inout Int) throws(SocketError) {
        let now = dispatcher.now
        var replies: [UInt8] = []
        swap(&replies, &dispatcher.buffers.replies)
        defer {
            replies.removeAll(keepingCapacity: replies.capacity <= SharedBuffers.keptReplies)
            swap(&replies, &dispatcher.buffers.replies)
        }
        // One send for all of them, so they leave together.
        var barrier = Barrier.none
        var hasQuit = false
        while phase.isOpen, replies.count + sender.unsentCount <= Self.outboxLimit, dispatcher.gate.hasRoom {
            guard let next = parser.next(input.span, &position) else { break }
            switch execute(next, at: now) {
            case .reply(let answer):
                replies.append(answer.reply)
                barrier = max(barrier, answer.barrier)
                continue
            case .follows(let answer):
                replies.append(answer.reply)
                barrier = max(barrier, answer.barrier)
                phase.wait()
            case .waits: phase.wait()
            case .awaitsBody(let command): unfinished = command
            case .skipsBody(let command):
                unfinished = command
                parser.skipBody()
            case .ends: hasQuit = true
            }
            if hasQuit {
                // What comes behind a good-bye is not executed.
                position = input.count
                break
            }
        }
        countPendingBytes()
        if !replies.isEmpty { try send(replies, after: barrier) }
        dispatcher.settle()
        if hasQuit { close(.bySelf) }
    }

    private func execute(_ input: CommandParser.Input, at now: QueueTime) -> Execution {
        let engine = dispatcher.engine
        if case .command(let command) = input { return engine.execute(command, for: client, at: now) }
        let begun = unfinished
        unfinished = nil
        switch (input, begun) {
        case (.body(let body), let begun?): return engine.execute(begun, body: body, for: client, at: now)
        case (.skippedBody, let begun?): return engine.refuse(begun, for: client, at: now)
        case (.error(let error), _): return engine.refuse(Refusal(error))
        case (.jobTooBig, _): return engine.refusePutTooBig()
        case (.outcomeTooBig, _): return engine.refuse(.tooBig)
        case (.body, nil), (.skippedBody, nil), (.command, _): return .reply(engine.internalError)
        }
    }

    /// Counts what the beginning of a body takes, and takes no more of it when that is too much.
    private func countPendingBytes() {
        setPendingByteCount(parser.pendingCount)
        guard pendingByteCount > 0, let unfinished, !dispatcher.engine.hasRoom(forRestOf: unfinished) else { return }
        parser.skipBody()
        setPendingByteCount(0)
    }

    private func setPendingByteCount(_ count: Int) {
        guard count != pendingByteCount else { return }
        dispatcher.engine.pendingBodiesHaveGrown(by: count - pendingByteCount)
        pendingByteCount = count
    }

    // MARK: Replies

    private func send(_ replies: [UInt8], after barrier: Barrier) throws(SocketError) {
        let wasHeld = sender.isHeld
        try sender.send(replies, after: barrier, stored: dispatcher.gate.stored)
        if sender.isHeld, !wasHeld { dispatcher.gate.hold(self) }
    }

    private func keep(_ answer: Answer) {
        let wasHeld = sender.isHeld
        sender.keep(answer, stored: dispatcher.gate.stored)
        if sender.isHeld, !wasHeld { dispatcher.gate.hold(self) }
    }

    /// Sends what may leave of the replies that are kept, and does what has waited for that.
    private func flush() throws(SocketError) {
        while true {
            try sender.flush()
            if sender.unsentCount <= Self.outboxLimit { phase.relieve(.outbox) }
            guard sender.unsentCount == 0 else { return }
            if phase.isClosing { return exchange.end() }
            guard let job = phase.takeMissedJob(),
                let answer = dispatcher.engine.report(onFollowed: job, at: dispatcher.now)
            else { return }
            keep(answer)
        }
    }

    /// As ``flush()``, for a connection that somebody else has caused to be looked at.
    private func flushOrEnd() {
        do throws(SocketError) {
            try flush()
        } catch {
            exchange.end(throwing: error)
        }
    }

    /// Has commands executed of which no event tells.
    private func resume() {
        if phase.isOpen, readability.mayReceive || !received.isEmpty { exchange.callAgain() }
    }

    // MARK: What others tell it

    /// The client's wait is over, with this reply.
    func endWait(with answer: Answer) {
        phase.stopWaiting()
        keep(answer)
        flushOrEnd()
        // There may be more commands behind the one that has waited.
        resume()
    }

    /// A job that the client follows has changed. What is kept of that is sent with ``flushUpdates()``.
    ///
    /// - Returns: Whether something is kept.
    func update(with answer: Answer, on job: UInt64) -> Bool {
        guard sender.unsentCount <= Self.unreadLimit else {
            phase.miss(job: job)
            return false
        }
        keep(answer)
        return true
    }

    func flushUpdates() {
        flushOrEnd()
    }

    /// The store has come further.
    func storeHasProgressed() {
        sender.ripen(dispatcher.gate.stored)
        if sender.isHeld { dispatcher.gate.hold(self) }
        flushOrEnd()
        // It may have stopped at the limit of unsent replies, and no event will say that it is below it again.
        resume()
    }

    /// There is room in the store.
    func storeHasRoom() {
        if phase.relieve(.store) { exchange.callAgain() }
    }

    // MARK: The end

    /// Ends the connection once its replies are sent.
    func close(_ closing: Phase.Closing) {
        leave(closing)
        if sender.unsentCount == 0 { exchange.end() }
    }

    /// Ends the connection without the replies that wait.
    func abandon() {
        exchange.end()
    }

    /// Gives back what the client has: it is gone, or sends no more. Replies may still be on their way.
    private func leave(_ closing: Phase.Closing) {
        guard phase.close(closing) else { return }
        setPendingByteCount(0)
        dispatcher.remove(self)
    }
}
