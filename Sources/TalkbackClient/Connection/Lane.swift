// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import Sockets

/// One connection to a server: commands go out in order, replies come back in order, and as many commands as there are
/// may be under way at a time.
///
/// Only one client uses it, on its event loop.
final class Lane {
    typealias ID = Int
    /// Counts what the client has reserved.
    typealias Reservation = UInt64

    /// Why a command got no reply.
    enum Failure: Error {
        /// The connection has ended. If all of the command was sent, it may have been executed.
        case ended(SocketError?, wasSent: Bool)
        case timedOut
        case cancelled
        /// What the command needs first was refused; it was not sent.
        case refused(Reply)
        case notTheProtocol(ReplyError)
    }

    typealias Answer = Result<Reply, Failure>

    /// A command that was sent, or waits to be.
    private struct Pending {
        /// The command's, also where it is a preparation for it.
        let token: UInt64
        /// `nil` when nobody waits for the reply.
        var continuation: CheckedContinuation<Answer, Never>?
        /// Told of the replies that come before the last one.
        let onReport: ((JobReport) -> Void)?
        let role: Role
        /// When the reply should be there, on the loop's clock.
        let deadline: Int64
        /// Where the command ends in all that goes over the connection.
        let end: Int
    }

    private enum Role {
        case command
        /// Comes before a command that needs a tube to be used; `USING` is the answer.
        case use
        /// Comes before a reserve that needs other tubes to be watched; `WATCHING` is the answer.
        case watch
    }

    /// A command that waits until the connection was prepared for it, or for the one before it.
    private struct Waiting {
        let token: UInt64
        let command: Command
        let body: [UInt8]?
        let tube: TubeName?
        let tubes: Set<TubeName>?
        let deadline: Int64
        let onReport: ((JobReport) -> Void)?
        let continuation: CheckedContinuation<Answer, Never>?
    }

    let id: ID
    let connection: Connection
    private let exchange: Exchange
    private var parser = ReplyParser()
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var outputPosition = 0
    /// Bytes that the kernel has taken, and bytes there were.
    private var sentCount = 0
    private var lastSendTime: Int64 = 0
    private var queuedCount = 0
    private var pending: [Pending] = []
    private var firstPending = 0
    private var waiting: [Waiting] = []
    private var firstWaiting = 0
    /// How many preparations were not answered yet. No command is sent until all were: behind one that is refused it
    /// would be done in the wrong tube.
    private var preparations = 0
    private var nextToken: UInt64 = 0
    private var isFlushRequested = false
    private var isHalfClosed = false
    /// There may be something to receive that no event will tell of.
    private var mayReceive = false

    /// What puts go into and what reserves come from, once all that was queued is executed.
    private var used = TubeName.default
    private(set) var watched: Set<TubeName> = [.default]
    /// Jobs that this connection has reserved, and which reservation it was: the same job may come again.
    var heldJobs: [JobID: Reservation] = [:]
    /// Whether the server has ever answered on it.
    private(set) var hasReplied = false
    private(set) var isEnded = false
    /// Whether the server knows more than beanstalkd; `nil` when it was not asked.
    var knowsOutcomes: Bool?
    /// Called with a job that nobody waits for any more.
    var onOrphan: (JobID) -> Void = { _ in }
    /// Called with what the server has said that is not the protocol, whether anybody waits for a reply or not.
    var onStrangeAnswer: (ReplyError) -> Void = { _ in }

    init(_ id: ID, _ connection: Connection) {
        self.id = id
        self.connection = connection
        exchange = Exchange(on: connection)
    }

    /// Sends and receives until the connection ends, and tells all who wait then.
    func run() async {
        do throws(SocketError) {
            try await exchange.run { events throws(SocketError) in try self.handle(events) }
            end(.ended(nil, wasSent: true))
        } catch {
            end(.ended(error, wasSent: true))
        }
        connection.close()
    }

    /// Ends the connection. The server gives the jobs that it holds to others.
    func close() {
        end(.ended(nil, wasSent: true))
        exchange.end()
        connection.close()
    }

    // MARK: Commands

    /// Queues a command.
    ///
    /// - Parameters:
    ///   - tube: What the command is to use.
    ///   - tubes: What it is to reserve from.
    ///   - deadline: When the reply should be there.
    ///   - onReport: Told of the replies that come before the last one.
    ///   - continuation: Resumed with the reply.
    /// - Returns: What ``cancel(_:)`` knows the command by.
    @discardableResult
    func send(
        _ command: Command, body: [UInt8]?, using tube: TubeName?, watching tubes: Set<TubeName>?, deadline: Int64,
        onReport: ((JobReport) -> Void)? = nil, _ continuation: CheckedContinuation<Answer, Never>?
    ) -> UInt64 {
        nextToken += 1
        guard !isEnded else {
            continuation?.resume(returning: .failure(.ended(nil, wasSent: false)))
            return nextToken
        }
        let command = Waiting(
            token: nextToken, command: command, body: body, tube: tube, tubes: tubes, deadline: deadline,
            onReport: onReport, continuation: continuation)
        if firstWaiting < waiting.count || !isPrepared(for: command) {
            waiting.append(command)
        } else {
            queue(command)
        }
        requestFlush()
        return nextToken
    }

    /// Whether the connection uses and watches what a command needs. What it lacks is asked for.
    private func isPrepared(for command: Waiting) -> Bool {
        if preparations == 0, let tube = command.tube, tube != used {
            prepare(.use(tube), .use, for: command)
            used = tube
        }
        if preparations == 0, let tubes = command.tubes, tubes != watched {
            // First what is new: a connection that watches nothing is not allowed.
            for tube in tubes.subtracting(watched) { prepare(.watch(tube), .watch, for: command) }
            for tube in watched.subtracting(tubes) { prepare(.ignore(tube), .watch, for: command) }
            watched = tubes
        }
        return preparations == 0
    }

    private func prepare(_ preparation: Command, _ role: Role, for command: Waiting) {
        preparations += 1
        let start = output.count
        output.append(preparation)
        add(role, token: command.token, from: start, command.deadline, nil)
    }

    private func queue(_ command: Waiting) {
        let start = output.count
        if let body = command.body {
            output.append(command.command, body: body)
        } else {
            output.append(command.command)
        }
        add(
            .command, token: command.token, from: start, command.deadline, command.continuation,
            onReport: command.onReport)
    }

    /// Queues what the connection is prepared for by now.
    private func queueWaiting() {
        while firstWaiting < waiting.count, isPrepared(for: waiting[firstWaiting]) {
            queue(waiting[firstWaiting])
            firstWaiting += 1
        }
        if firstWaiting == waiting.count || firstWaiting > 256 {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
        requestFlush()
    }

    private func add(
        _ role: Role, token: UInt64, from start: Int, _ deadline: Int64,
        _ continuation: CheckedContinuation<Answer, Never>?, onReport: ((JobReport) -> Void)? = nil
    ) {
        queuedCount += output.count - start
        pending.append(
            Pending(
                token: token, continuation: continuation, onReport: onReport, role: role, deadline: deadline,
                end: queuedCount))
    }

    /// Whether a command was neither answered nor given up.
    func isUnderWay(_ token: UInt64) -> Bool {
        pending[firstPending...].contains { $0.token == token && $0.continuation != nil }
            || waiting[firstWaiting...].contains { $0.token == token }
    }

    /// Lets the caller of a command go. Its reply is thrown away when it comes, but a job in it is not.
    func cancel(_ token: UInt64) {
        if let index = waiting[firstWaiting...].firstIndex(where: { $0.token == token }) {
            waiting.remove(at: index).continuation?.resume(returning: .failure(.cancelled))
            return
        }
        guard let index = pending[firstPending...].lastIndex(where: { $0.token == token }) else { return }
        let continuation = pending[index].continuation
        pending[index].continuation = nil
        continuation?.resume(returning: .failure(.cancelled))
    }

    // MARK: Deadlines

    /// When the first of the replies that are waited for should be there.
    var nextDeadline: Int64? {
        let deadlines = [
            pending[firstPending...].lazy.map(\.deadline).min(), waiting[firstWaiting...].lazy.map(\.deadline).min(),
        ]
        return deadlines.compactMap(\.self).min()
    }

    /// Ends the connection if a reply is late: all that wait behind it would be late too.
    ///
    /// - Parameter patience: How long nothing more may be sent before what is still to be sent is late too: a large
    ///   body takes its time.
    /// - Returns: When to look again; `nil` for ``nextDeadline``.
    func checkDeadlines(at now: Int64, patience: Int64) -> Int64? {
        guard !isEnded, let deadline = nextDeadline, deadline <= now else { return nil }
        if outputPosition < output.count, lastSendTime + patience > now { return lastSendTime + patience }
        for index in firstPending..<pending.count where pending[index].deadline <= now {
            let continuation = pending[index].continuation
            pending[index].continuation = nil
            continuation?.resume(returning: .failure(.timedOut))
        }
        close()
        return nil
    }

    // MARK: The loop's calls

    /// All that is queued in one turn of the loop is sent in one call.
    private func requestFlush() {
        guard !isFlushRequested, outputPosition == 0 else { return }
        isFlushRequested = true
        exchange.callAgain()
    }

    private func handle(_ events: PollEvents) throws(SocketError) {
        isFlushRequested = false
        if !events.isDisjoint(with: [.peerHalfClosed, .hangUp, .error]) { isHalfClosed = true }
        try flush()
        if !events.isDisjoint(with: [.readable, .peerHalfClosed, .hangUp, .error]) { mayReceive = true }
        // The loop's others have their turn before there is more.
        for _ in 0..<16 where mayReceive && !isEnded {
            input.removeAll(keepingCapacity: true)
            guard let count = try exchange.tryReceive(appendingTo: &input, upTo: 1 << 16) else {
                mayReceive = false
                return
            }
            if count == 0 {
                exchange.end()
                return
            }
            takeReplies()
            // A short receive leaves nothing, unless it is the end that is left.
            if count < 1 << 16, !isHalfClosed { mayReceive = false }
        }
        if mayReceive { exchange.callAgain() }
    }

    private func flush() throws(SocketError) {
        try sendWhatFits()
        if outputPosition == output.count {
            outputPosition = 0
            output.removeAll(keepingCapacity: output.capacity <= 1 << 18)
        } else if outputPosition > max(1 << 20, output.count / 2) {
            // Of what is always added to before it is empty, only what is left is kept.
            output.removeFirst(outputPosition)
            outputPosition = 0
        }
    }

    private func sendWhatFits() throws(SocketError) {
        while outputPosition < output.count {
            let output = output
            guard let count = try exchange.trySend(output.span.extracting(outputPosition..<output.count)) else {
                return
            }
            outputPosition += count
            sentCount += count
            lastSendTime = connection.loop.now
        }
    }

    private func takeReplies() {
        let input = input
        var position = 0
        do throws(ReplyError) {
            while let reply = try parser.next(input.span, &position) { take(reply) }
        } catch {
            onStrangeAnswer(error)
            end(.notTheProtocol(error))
            exchange.end()
        }
    }

    private func take(_ reply: Reply) {
        guard firstPending < pending.count else {
            // Nobody has asked for anything.
            end(.ended(nil, wasSent: true))
            return exchange.end()
        }
        hasReplied = true
        let command = pending[firstPending]
        if let onReport = command.onReport, case .state(let report) = reply {
            onReport(report)
            if !report.state.isEnd { return }
        }
        firstPending += 1
        if firstPending == pending.count || firstPending > 256 {
            pending.removeFirst(firstPending)
            firstPending = 0
        }
        switch command.role {
        case .command:
            if let continuation = command.continuation {
                continuation.resume(returning: .success(reply))
            } else if case .reserved(let id, _) = reply {
                onOrphan(id)
            }
        case .use, .watch:
            preparations -= 1
            switch (command.role, reply) {
            case (.use, .using), (.watch, .watching):
                if preparations == 0 { queueWaiting() }
            default:
                // What this connection uses and watches is not known any more.
                // Unless it was cancelled, and what waits now is another.
                if firstWaiting < waiting.count, waiting[firstWaiting].token == command.token {
                    waiting[firstWaiting].continuation?.resume(returning: .failure(.refused(reply)))
                    firstWaiting += 1
                }
                end(.ended(nil, wasSent: true))
                exchange.end()
            }
        }
    }

    private func end(_ failure: Failure) {
        guard !isEnded else { return }
        isEnded = true
        let left = pending[firstPending...]
        let unsent = waiting[firstWaiting...]
        (pending, firstPending, waiting, firstWaiting) = ([], 0, [], 0)
        for command in left {
            let own: Failure =
                if case .ended(let error, _) = failure {
                    // The server does nothing with a part of a command.
                    .ended(error, wasSent: command.end <= sentCount)
                } else {
                    failure
                }
            command.continuation?.resume(returning: .failure(own))
        }
        for command in unsent {
            let error: SocketError? = if case .ended(let error, _) = failure { error } else { nil }
            command.continuation?.resume(returning: .failure(.ended(error, wasSent: false)))
        }
    }
}
