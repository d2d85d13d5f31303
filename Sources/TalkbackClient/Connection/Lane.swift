// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import Sockets

/// One connection to a server: commands go out in order, replies come back in order, and as many commands as there are may be
/// under way at a time.
///
/// Only one client uses it, on its event loop.
final class Lane {
    typealias ID = Int

    /// Why a command got no reply.
    enum Failure: Error {
        /// The connection has ended. If all of the command was sent, it may have been executed.
        case ended(SocketError?, wasSent: Bool)
        case timedOut
        case cancelled
        case notTheProtocol(ReplyError)
    }

    typealias Answer = Result<Reply, Failure>

    /// A command that was sent, or waits to be.
    private struct Pending {
        let token: UInt64
        /// `nil` when nobody waits for the reply.
        var continuation: CheckedContinuation<Answer, Never>?
        let role: Role
        /// When the reply should be there, on the loop's clock.
        let deadline: Int64
        /// Where the command ends in all that goes over the connection.
        let end: Int
    }

    private enum Role {
        case command
        /// Comes before a command that needs it; `USING` or `WATCHING` is the answer.
        case preparation
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
    private var queuedCount = 0
    private var pending: [Pending] = []
    private var firstPending = 0
    private var nextToken: UInt64 = 0
    private var isFlushRequested = false
    private var isHalfClosed = false

    /// What puts go into and what reserves come from, once all that was queued is executed.
    private var used = TubeName.default
    private(set) var watched: Set<TubeName> = [.default]
    /// Jobs that this connection has reserved.
    var heldJobs: Set<JobID> = []
    private(set) var isEnded = false
    /// Called with a job that nobody waits for any more.
    var onOrphan: (JobID) -> Void = { _ in }

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
    ///   - continuation: Resumed with the reply.
    /// - Returns: What ``cancel(_:)`` knows the command by.
    @discardableResult
    func send(
        _ command: Command, body: [UInt8]?, using tube: TubeName?, watching tubes: Set<TubeName>?, deadline: Int64,
        _ continuation: CheckedContinuation<Answer, Never>?
    ) -> UInt64 {
        nextToken += 1
        guard !isEnded else {
            continuation?.resume(returning: .failure(.ended(nil, wasSent: false)))
            return nextToken
        }
        if let tube, tube != used {
            prepare(.use(tube), deadline)
            used = tube
        }
        if let tubes, tubes != watched { watch(tubes, deadline) }
        let start = output.count
        if let body, case .put(let header) = command {
            output.append(header, body: body)
        } else {
            output.append(command)
        }
        add(.command, from: start, deadline, continuation)
        requestFlush()
        return nextToken
    }

    private func watch(_ tubes: Set<TubeName>, _ deadline: Int64) {
        // First what is new: a connection that watches nothing is not allowed.
        for tube in tubes.subtracting(watched) { prepare(.watch(tube), deadline) }
        for tube in watched.subtracting(tubes) { prepare(.ignore(tube), deadline) }
        watched = tubes
    }

    private func prepare(_ command: Command, _ deadline: Int64) {
        let start = output.count
        output.append(command)
        add(.preparation, from: start, deadline, nil)
    }

    private func add(
        _ role: Role, from start: Int, _ deadline: Int64, _ continuation: CheckedContinuation<Answer, Never>?
    ) {
        queuedCount += output.count - start
        pending.append(
            Pending(
                token: nextToken, continuation: continuation, role: role, deadline: deadline, end: queuedCount))
    }

    /// Lets the caller of a command go. Its reply is thrown away when it comes, but a job in it is not.
    func cancel(_ token: UInt64) {
        guard let index = pending[firstPending...].lastIndex(where: { $0.token == token && $0.role == .command }) else {
            return
        }
        let continuation = pending[index].continuation
        pending[index].continuation = nil
        continuation?.resume(returning: .failure(.cancelled))
    }

    // MARK: Deadlines

    /// When the first of the replies that are waited for should be there.
    var nextDeadline: Int64? { pending[firstPending...].lazy.map(\.deadline).min() }

    /// Ends the connection if a reply is late: all that wait behind it would be late too.
    func checkDeadlines(at now: Int64) {
        guard !isEnded, pending[firstPending...].contains(where: { $0.deadline <= now }) else { return }
        for index in firstPending..<pending.count where pending[index].deadline <= now {
            let continuation = pending[index].continuation
            pending[index].continuation = nil
            continuation?.resume(returning: .failure(.timedOut))
        }
        close()
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
        guard !events.isDisjoint(with: [.readable, .peerHalfClosed, .hangUp, .error]) else { return }
        while !isEnded {
            input.removeAll(keepingCapacity: true)
            guard let count = try exchange.tryReceive(appendingTo: &input, upTo: 1 << 16) else { return }
            if count == 0 {
                exchange.end()
                return
            }
            takeReplies()
            // A short receive leaves nothing, unless it is the end that is left.
            if count < 1 << 16, !isHalfClosed { return }
        }
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
        }
    }

    private func takeReplies() {
        let input = input
        var position = 0
        do throws(ReplyError) {
            while let reply = try parser.next(input.span, &position) { take(reply) }
        } catch {
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
        let command = pending[firstPending]
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
        case .preparation:
            switch reply {
            case .using, .watching, .notIgnored: break
            default:
                // What comes behind it would be done in the wrong tube.
                end(.ended(nil, wasSent: true))
                exchange.end()
            }
        }
    }

    private func end(_ failure: Failure) {
        guard !isEnded else { return }
        isEnded = true
        let left = pending[firstPending...]
        pending = []
        firstPending = 0
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
    }
}
