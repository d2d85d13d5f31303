// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

/// A connection that calls its owner when something has happened, instead of suspending a task for each message.
///
/// It is for servers whose messages are handled at once, without anything to wait for: a message then costs two system
/// calls and a function call.
///
/// ```swift
/// let exchange = Exchange(on: connection)
/// try await exchange.run { _ in
///     while let count = try exchange.tryReceive(into: &buffer) {
///         if count == 0 { return exchange.end() }
///         …  // and what trySend does not take is kept until the next call
///     }
/// }
/// ```
///
/// An exchange is used only where the code that runs it is isolated: on the loop's thread.
public final class Exchange {
    private enum State {
        case idle, running, ended
    }

    /// Called with what has happened: readable, writable, half-closed, hung up; with nothing after ``callAgain()``.
    public typealias Handler = (PollEvents) throws(SocketError) -> Void

    private let connection: Connection
    private let channel: Channel
    private var handler: Handler?
    private var state = State.idle
    private var error: SocketError?
    private var isCalledAgain = false

    /// An exchange that does nothing yet.
    public init(on connection: Connection) {
        self.connection = connection
        channel = connection.channel
    }

    // MARK: Running

    /// Calls `handler` each time something may have changed, until the exchange is ended.
    ///
    /// The task is suspended all the while, with its cancellation and the connection's time-outs, and the loop calls
    /// the handler from its own thread: first at once, then after each event. Events are edges, so the handler must
    /// take all there is, or ask for another call. It must not block.
    ///
    /// The caller must be on the connection's loop: a task that prefers it, or an actor whose executor it is. Nobody
    /// else can receive or send meanwhile. An exchange runs once.
    ///
    /// - Throws: What the handler throws, or what the exchange was ended with, naming the peer;
    ///   `SocketError.Reason.cancelled`, `SocketError.Reason.closed`, `ETIMEDOUT`.
    public func run(_ handler: @escaping Handler) async throws(SocketError) {
        let isOnLoop = channel.loop.isCurrent && isIsolated(#isolation)
        precondition(isOnLoop && state == .idle, "an exchange runs once, for code on the connection's loop")
        do throws(SocketError) {
            try channel.enter([.receiving, .sending], .wait)
            defer { channel.leave([.receiving, .sending]) }
            state = .running
            self.handler = handler
            channel.exchange = self
            defer {
                end()
                channel.exchange = nil
                self.handler = nil
                // What was left is there for whoever receives or sends next.
                channel.wake()
            }
            handle([.readable, .writable])
            var patience = Patience(.wait, nil)
            while state == .running { try await channel.wait(.receiving, &patience) }
            if let error { throw error }
        } catch {
            throw connection.named(error)
        }
    }

    /// Whether what is isolated to an actor, or to none, is never run beside what the loop's thread runs.
    private func isIsolated(_ actor: (any Actor)?) -> Bool {
        guard let actor else { return true }
        // SAFETY: both are a reference and a table of its functions; only the references are compared.
        let own = unsafe unsafeBitCast(channel.loop.asUnownedSerialExecutor(), to: (UInt, UInt).self)
        return unsafe unsafeBitCast(actor.unownedExecutor, to: (UInt, UInt).self).0 == own.0
    }

    /// Ends the exchange: ``run(_:)`` returns, or throws an error.
    public func end(throwing error: SocketError? = nil) {
        guard state == .running else { return }
        state = .ended
        self.error = error
        channel.reader.wake()
    }

    /// Whether the exchange runs, so that it can send and receive.
    public var isRunning: Bool { state == .running }

    /// Has the handler called once more after the other events of this turn of the loop, with no events of its own: for
    /// one that leaves something for later, so that other connections have their turn.
    public func callAgain() {
        guard !isCalledAgain, isRunning else { return }
        isCalledAgain = true
        channel.loop.soon(self)
    }

    func handle(_ events: PollEvents) {
        guard isRunning, let handler else { return }
        do throws(SocketError) {
            try handler(events)
        } catch {
            end(throwing: error)
        }
    }

    // MARK: Receiving and sending

    /// Receives what has arrived, and appends it to the buffer.
    ///
    /// - Returns: The number of bytes; 0 at the end of the stream, or when the buffer is full; `nil` if nothing is
    ///   there: the handler is called when there is. There may be more than a buffer that is full now has room for, of
    ///   which nothing tells: see ``callAgain()``.
    /// - Throws: `SocketError`: `ECONNRESET` and the like, `SocketError.Reason.closed` unless the exchange runs.
    ///
    /// The corresponding C function is `recv`, with `MSG_DONTWAIT`.
    public func tryReceive(into buffer: inout OutputSpan<UInt8>) throws(SocketError) -> Int? {
        guard isRunning else { throw SocketError(.receive, .closed) }
        let count = try channel.socket.tryReceive(into: &buffer)
        if count != nil { channel.touch() }
        return count
    }

    /// Receives what has arrived, and appends it to an array, as ``tryReceive(into:)``.
    ///
    /// An array that has room for as much, and is nobody else's, is filled without allocating.
    ///
    /// - Parameters:
    ///   - bytes: Where to append.
    ///   - limit: The most bytes to receive, 0 or more. Beyond what the array has room for, one call takes at most a
    ///     mebibyte.
    public func tryReceive(appendingTo bytes: inout [UInt8], upTo limit: Int) throws(SocketError) -> Int? {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        guard isRunning else { throw SocketError(.receive, .closed) }
        let count = try channel.socket.tryReceive(appendingTo: &bytes, upTo: bytes.room(upTo: limit))
        if count != nil { channel.touch() }
        return count
    }

    /// Sends as much as the kernel takes at once.
    ///
    /// - Returns: The number of bytes; `nil` if there is no room: the handler is called when there is.
    /// - Throws: `SocketError`: `EPIPE` and the like, `SocketError.Reason.closed` unless the exchange runs.
    ///
    /// The corresponding C function is `send`, with `MSG_DONTWAIT`.
    public func trySend(_ bytes: Span<UInt8>) throws(SocketError) -> Int? {
        guard isRunning else { throw SocketError(.send, .closed) }
        let count = try channel.socket.trySend(bytes)
        if count != nil { channel.touch() }
        return count
    }
}

extension Exchange: LoopWork {
    package func work() {
        isCalledAgain = false
        handle([])
    }
}
