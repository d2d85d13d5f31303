// SPDX-License-Identifier: Apache-2.0

public import Sockets
import Synchronization
import SystemPackage

/// A server with a thread for every connection: what the tutorial's three servers have in common.
///
/// It listens with `SO_REUSEADDR` and the system's largest backlog, serves many clients at once, and ends on SIGINT,
/// SIGTERM or ``stop()``.
public final class Server: Sendable {
    /// What a server does with one connection.
    public typealias Handler = @Sendable (borrowing Connection) throws -> Void

    private struct State {
        var live = 0
        var isStopping = false
    }

    private let limits: Limits
    private let budget = MemoryBudget(bytes: 256 << 20)
    private let state = Mutex(State())
    // Other threads wake the accepting thread with a byte from the one end of a pair to the other.
    private let waker: Socket
    private let wakened: Socket

    /// A server with these limits.
    ///
    /// - Throws: `SocketError` when there are no descriptors for it.
    public init(_ limits: Limits) throws(SocketError) {
        self.limits = limits
        let pair = try Socket.pair()
        waker = pair.first
        wakened = pair.second
    }

    /// Listens on a host and port, says where, and gives each connection to `handler` on a thread of its own, until the
    /// server is stopped.
    ///
    /// An error of the handler ends that connection only, and is told on standard error.
    ///
    /// - Throws: `SocketError` if the server cannot listen there, `Errno` if it cannot start a thread.
    public func run(host: String, port: UInt16, handler: @escaping Handler) throws {
        let listener = try listen(host: host, port: port)
        let signals = TerminationSignals.block()
        try WorkerThread.start {
            signals.wait()
            self.stop()
        }
        Console.write("listening on \(try listener.localAddress)\n")

        var lastError: SocketError?
        while !state.withLock({ $0.isStopping }) {
            do throws(SocketError) {
                try waitForConnection(on: listener)
                while hasRoom, let accepted = try listener.tryAccept() {
                    start(accepted.socket, accepted.peer, handler)
                }
                lastError = nil
            } catch {
                // Neither a connection that was aborted while it waited nor a lack of descriptors ends a server. The
                // wait gives connections time to end, and give back theirs.
                if error != lastError { Console.complain("\(error)") }
                lastError = error
                _ = try wakened.wait(for: .readable, timeout: .milliseconds(100))
            }
        }
        try listener.close()
        try waitForLiveConnections(.seconds(1))
    }

    /// Ends the server: no new connections, and a second for the live ones to finish.
    public func stop() {
        state.withLock { $0.isStopping = true }
        wake()
    }

    private func listen(host: String, port: UInt16) throws(SocketError) -> Socket {
        // There is at least one address, or resolving would have thrown.
        let addresses = try SocketAddress.resolve(host: host, port: port)
        return try Socket.listen(on: addresses[0], mode: .nonBlocking)
    }

    private var hasRoom: Bool {
        state.withLock { $0.live < limits.live && !$0.isStopping }
    }

    /// Waits until there is a connection and room for it, or the server is wakened.
    private func waitForConnection(on listener: borrowing Socket) throws(SocketError) {
        var entries = [wakened.withDescriptor { PollEntry($0, .readable) }]
        if hasRoom {
            entries.append(listener.withDescriptor { PollEntry($0, .readable) })
        }
        try Socket.poll(&entries, timeout: nil)
        _ = try wakened.tryReceive(upTo: 1024)
    }

    private func start(_ socket: consuming Socket, _ peer: SocketAddress, _ handler: @escaping Handler) {
        state.withLock { $0.live += 1 }
        let descriptor = socket.release()
        do throws(Errno) {
            try WorkerThread.start { [self] in
                let connection = Connection(Socket(adopting: descriptor), peer: peer, limits: limits, budget: budget)
                serve(connection, handler)
                connectionEnded()
            }
        } catch {
            _ = Socket(adopting: descriptor)
            connectionEnded()
            Console.complain("\(peer): no thread for it: \(error)")
        }
    }

    private func serve(_ connection: consuming Connection, _ handler: Handler) {
        let peer = connection.peer
        do {
            try handler(connection)
            try connection.finish()
        } catch {
            Console.complain("\(peer): \(error)")
        }
    }

    private func connectionEnded() {
        state.withLock { $0.live -= 1 }
        wake()
    }

    private func wake() {
        // When there is no room for one more byte, there are wake-ups enough on their way.
        _ = try? waker.trySend([0].span)
    }

    private func waitForLiveConnections(_ grace: Duration) throws(SocketError) {
        let end = ContinuousClock.now + grace
        while state.withLock({ $0.live }) > 0 {
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero else { return }
            _ = try wakened.wait(for: .readable, timeout: left)
            _ = try wakened.tryReceive(upTo: 1024)
        }
    }
}
