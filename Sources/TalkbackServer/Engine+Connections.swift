// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import JobQueue
internal import Sockets
internal import SystemPackage

// Connections: what arrives is executed where it is received, and answered in one write.
extension Engine {
    /// More replies than this are sent before more commands are taken.
    private static var outputLimit: Int { 1 << 18 }
    /// What is received at once.
    static var inputSize: Int { 1 << 16 }

    /// Talks to a client until one of the two has had enough.
    ///
    /// - Throws: `SocketError` but for a peer that is gone: that is how connections end. `ForeignProtocol` if the client speaks
    ///   another protocol.
    func serve(_ connection: Connection) async throws {
        let exchange = Exchange(on: connection)
        let session = connect(connection, exchange)
        defer { leave(session) }
        do throws(SocketError) {
            try await exchange.run { events throws(SocketError) in
                do throws(SocketError) {
                    try self.handle(session, events)
                } catch {
                    self.leave(session)
                    throw error
                }
            }
        } catch {
            guard error.errno != .connectionReset, error.errno != .brokenPipe, error.reason != .cancelled else {
                return
            }
            throw error
        }
        if let foreign = session.foreignProtocol {
            // What has not come yet must not turn the end into a reset.
            try? await connection.finish(discarding: 1 << 20, timeout: .seconds(1))
            throw foreign
        }
        guard session.hasQuit else { return }
        // A server that ends does not wait for clients that ask nothing of it.
        if isStopping, session.input.isEmpty, connection.isQuiet { return }
        // What comes behind it is thrown away, but must not cost the client the replies before it.
        try await connection.finish(discarding: 1 << 20, timeout: .seconds(1))
    }

    private func connect(_ connection: Connection, _ exchange: Exchange) -> Session {
        connection.noticeVanishedPeer()
        let session = Session(queue.connect(), connection, exchange, maximumJobSize: options.maximumJobSize)
        sessions[session.client] = session
        return session
    }

    /// The client is gone, or sends no more: what it has reserved is for others. Replies may still be on their way.
    private func leave(_ session: Session) {
        guard sessions.removeValue(forKey: session.client) != nil else { return }
        session.isEnding = true
        pendingBytes -= session.pendingBytes
        queue.disconnect(session.client, at: now)
        settle()
    }

    private func handle(_ session: Session, _ events: PollEvents) throws(SocketError) {
        if !events.isDisjoint(with: [.readable, .priority]) { session.isReadable = true }
        if events.contains(.priority) { session.shortReceivesLeaveMore = true }
        if !events.isDisjoint(with: [.peerHalfClosed, .hangUp, .error]) {
            session.isReadable = true
            session.isHalfClosed = true
        }
        if session.unsentCount > 0 { try flush(session) }
        try takeCommands(of: session)
    }

    /// Receives and executes for as long as there is something and no reason to stop.
    private func takeCommands(of session: Session) throws(SocketError) {
        // The engine's own buffer, which no other session has a use for meanwhile.
        var input: [UInt8] = []
        swap(&input, &self.input)
        defer { swap(&input, &self.input) }
        while canTakeCommands(of: session) {
            if !session.input.isEmpty {
                try executeKept(session)
                continue
            }
            guard session.isReadable else { return }
            input.removeAll(keepingCapacity: true)
            guard let count = try session.exchange.tryReceive(appendingTo: &input, upTo: Self.inputSize) else {
                session.isReadable = false
                return
            }
            if count == 0 {
                leave(session)
                return endIfSent(session)
            }
            let mayLeaveMore = session.isHalfClosed || session.shortReceivesLeaveMore
            if count < Self.inputSize, !mayLeaveMore { session.isReadable = false }
            if isForeign(session, input) { return }
            var position = 0
            try execute(session, input, &position)
            if position < input.count { session.input = Array(input[position...]) }
            // The others have their turn before there is more.
            if session.isReadable { return session.exchange.callAgain() }
        }
    }

    /// Examines the first bytes of a connection before any of them is parsed, and ends one that speaks another protocol.
    private func isForeign(_ session: Session, _ input: [UInt8]) -> Bool {
        switch session.detector?.examine(input.span) {
        case .undecided, nil: return false
        case .text:
            session.detector = nil
            return false
        case .foreign(let what):
            session.foreignProtocol = what
            end(session)
            return true
        }
    }

    private func canTakeCommands(of session: Session) -> Bool {
        if session.isWaiting, session.isHalfClosed {
            // It can say nothing any more, so there is nothing to wait for.
            queue.stopWaiting(session.client, at: now)
            settle()
        }
        if session.isWaiting || session.isEnding || isStopping || session.unsentCount > Self.outputLimit {
            return false
        }
        guard hasRoomInStore else {
            block(session)
            return false
        }
        return true
    }

    /// Executes what has arrived earlier.
    private func executeKept(_ session: Session) throws(SocketError) {
        var input: [UInt8] = []
        swap(&input, &session.input)
        var position = session.inputPosition
        session.inputPosition = 0
        try execute(session, input, &position)
        guard position < input.count else { return }
        session.input = input
        session.inputPosition = position
    }

    /// Executes the commands in some bytes until there is a reason to stop, and sends the replies.
    private func execute(_ session: Session, _ input: [UInt8], _ position: inout Int) throws(SocketError) {
        let now = now
        var replies: [UInt8] = []
        swap(&replies, &self.replies)
        defer {
            replies.removeAll(keepingCapacity: replies.capacity <= 1 << 20)
            swap(&replies, &self.replies)
        }
        queue.shownSequence = 0
        while !session.isWaiting, replies.count + session.unsentCount <= Self.outputLimit, hasRoomInStore {
            guard let next = session.parser.next(input.span, &position) else { break }
            if case .command(.quit) = next {
                session.hasQuit = true
                position = input.count
                break
            }
            execute(next, for: session, at: now, &replies)
        }
        notePending(session)
        if !replies.isEmpty { try send(replies, upTo: queue.shownSequence, on: session) }
        settle()
        if session.hasQuit { end(session) }
    }

    /// Counts what the beginning of a body takes, and takes no more of it when that is too much.
    private func notePending(_ session: Session) {
        let pending = session.parser.pendingCount
        guard pending != session.pendingBytes else { return }
        pendingBytes += pending - session.pendingBytes
        session.pendingBytes = pending
        guard let unfinished = session.unfinished, isOutOfMemory(for: unfinished) else { return }
        session.parser.skipBody()
        pendingBytes -= pending
        session.pendingBytes = 0
    }

    // MARK: Replies

    /// Sends replies, or keeps what cannot be sent now.
    ///
    /// - Parameter barrier: What must be in the store before.
    private func send(_ replies: [UInt8], upTo barrier: UInt64, on session: Session) throws(SocketError) {
        guard session.output.isEmpty, barrier <= storedSequence else {
            keep(barrier, on: session)
            session.output += replies
            return
        }
        let sent = try session.exchange.trySend(replies.span) ?? 0
        guard sent < replies.count else { return }
        session.output += replies[sent...]
        waitForReader(of: session)
    }

    private func waitForReader(of session: Session) {
        guard !session.isReaderSlow else { return }
        session.isReaderSlow = true
        session.connection.waitForReader(true)
    }

    /// Says what the next bytes of the output must wait for.
    private func keep(_ barrier: UInt64, on session: Session) {
        guard barrier > storedSequence else { return }
        hold(session)
        // Replies are in order: what is behind a barrier waits for it too.
        if let last = session.barriers.last, last.sequence >= barrier { return }
        session.barriers.append((session.output.count, barrier))
    }

    /// A reply that ends a wait.
    func endWait(_ client: ClientID, _ reply: Reply, _ barrier: UInt64) {
        guard let session = sessions[client] else { return }
        session.isWaiting = false
        session.missedJob = nil
        add(reply, barrier, to: session)
        flushOrEnd(session)
        // There may be more commands behind the one that has waited.
        if session.hasMoreToTake { session.exchange.callAgain() }
    }

    /// Adds a reply to the output.
    func add(_ reply: Reply, _ barrier: UInt64, to session: Session) {
        keep(barrier, on: session)
        session.output.append(reply)
    }

    /// Sends what may be sent.
    private func flush(_ session: Session) throws(SocketError) {
        var ripeCount = 0
        for barrier in session.barriers {
            guard barrier.sequence <= storedSequence else { break }
            ripeCount += 1
        }
        session.barriers.removeSubrange(..<ripeCount)
        let end = session.barriers.first?.start ?? session.output.count
        if end > session.outputPosition {
            session.outputPosition += try session.trySendOutput(to: end)
            if session.outputPosition < end { waitForReader(of: session) }
        }
        guard session.unsentCount == 0 else { return }
        if session.isReaderSlow {
            session.isReaderSlow = false
            session.connection.waitForReader(false)
        }
        session.output.removeAll(keepingCapacity: session.output.capacity <= 4096)
        session.outputPosition = 0
        if session.isEnding { return endIfSent(session) }
        guard session.missedJob != nil else { return }
        catchUp(session)
        try flush(session)
    }

    /// As ``flush(_:)``, for sessions that others have caused to be looked at.
    func flushOrEnd(_ session: Session) {
        do throws(SocketError) {
            try flush(session)
        } catch {
            session.exchange.end(throwing: error)
        }
    }

    /// Ends a connection once its replies are sent.
    func end(_ session: Session) {
        session.hasQuit = true
        leave(session)
        endIfSent(session)
    }

    private func endIfSent(_ session: Session) {
        if session.unsentCount == 0 { session.exchange.end() }
    }
}
