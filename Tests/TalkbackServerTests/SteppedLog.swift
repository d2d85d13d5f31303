// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import JobQueue
import JobStore
import Sockets
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import TalkbackServer

/// Stands in for a store: it commits at once what it is given, until it is told to hold, and then one mutation at a
/// time.
final class SteppedLog: MutationLog {
    private struct State {
        var progress = JobStore.Progress()
        var submitted: UInt64 = 0
        var isHolding = false
        var waitsForSpace = true
        var onProgress: @Sendable () -> Void = {}
    }

    private let state = Mutex(State())

    var progress: JobStore.Progress { state.withLock { $0.progress } }

    /// The newest mutation that it was given.
    var submitted: UInt64 { state.withLock { $0.submitted } }

    func start(_ onProgress: @escaping @Sendable () -> Void) {
        state.withLock { $0.onProgress = onProgress }
    }

    func submit(_ mutations: inout [Mutation], through sequence: UInt64, nextID: UInt64) {
        mutations.removeAll()
        update { state in
            state.submitted = sequence
            if !state.isHolding { state.progress.sequence = sequence }
        }
    }

    func stopWaitingForSpace() {
        state.withLock { $0.waitsForSpace = false }
    }

    /// Whether it would wait for space on the disk.
    var waitsForSpace: Bool { state.withLock { $0.waitsForSpace } }

    /// Commits nothing more by itself.
    ///
    /// - Returns: The newest mutation that is committed.
    func hold() -> UInt64 {
        state.withLock { state in
            state.isHolding = true
            return state.progress.sequence
        }
    }

    /// Commits everything through a mutation.
    func commit(through sequence: UInt64) {
        update { $0.progress.sequence = sequence }
    }

    func fail() {
        update { $0.progress.failure = StoreError("write", "/nowhere", .system(.ioError)) }
    }

    func setFull(_ isFull: Bool) {
        update { $0.progress.isFull = isFull }
    }

    private func update(_ change: (inout State) -> Void) {
        let onProgress = state.withLock { state in
            change(&state)
            return state.onProgress
        }
        onProgress()
    }
}

/// A server on a stepped log, and its clients.
///
/// Over Unix sockets: what is sent has arrived when the call returns.
struct SteppedServer {
    let log = SteppedLog()
    let server: Server
    private let loop: EventLoop
    private let listener: Listener

    /// Calls `body` with a server that serves, and stops it then.
    static func serving(
        _ narrowings: Narrowings = .standard, _ body: (SteppedServer) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder()
        let tested = try SteppedServer(narrowings, path: folder.file("s"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [server = tested.server, listener = tested.listener] in
                try await server.serve([listener])
            }
            do {
                try await body(tested)
            } catch {
                // A server does not end before everything is stored.
                tested.log.commit(through: .max)
                group.cancelAll()
                throw error
            }
            tested.log.commit(through: .max)
            await tested.server.stop()
            try await group.waitForAll()
        }
        tested.loop.stop()
    }

    private init(_ narrowings: Narrowings, path: String) throws {
        loop = try EventLoop()
        server = Server(log: log, narrowings, on: loop)
        listener = try Listener.bind(to: SocketAddress(unixPath: path), on: loop)
    }

    func connect() throws -> Peer { Peer(try Socket.connect(to: listener.address)) }

    /// Lets the loop do what there is, and what follows from it.
    func settle() async throws {
        for _ in 0..<4 { try await loop.sleep(for: .zero) }
    }

    /// Lets the loop go on until the log has been given everything through a mutation, which must be the newest.
    func settle(untilSubmitted sequence: UInt64) async throws {
        var turns = 0
        repeat {
            try await settle()
            turns += 1
        } while log.submitted < sequence && turns < 1000
        try #require(log.submitted == sequence)
    }

    /// A client that never waits for what it gets.
    final class Peer {
        private let socket: Socket
        private(set) var received = ""
        /// Whether the server has ended the connection.
        private(set) var hasEnded = false

        init(_ socket: consuming Socket) {
            self.socket = socket
        }

        func send(_ commands: String) throws { try socket.sendAll(commands) }

        /// Commands that the kernel has had no room for: see ``pump()``.
        private var unsent: [UInt8] = []

        /// Sends commands as far as there is room, and the rest with ``pump()``.
        func begin(_ commands: String) throws {
            unsent += commands.utf8
            try pump()
        }

        /// Sends what there is room for, and looks at what has arrived.
        func pump() throws {
            while !unsent.isEmpty {
                let bytes = unsent
                guard let count = try socket.trySend(bytes.span) else { break }
                unsent.removeFirst(count)
            }
            _ = try look()
        }

        func finishSending() throws { try socket.shutdown(.sending) }

        /// What has arrived until now.
        func look() throws -> String {
            while !hasEnded, let bytes = try socket.tryReceive(upTo: 1 << 16) {
                if bytes.isEmpty { hasEnded = true }
                received += String(decoding: bytes, as: UTF8.self)
            }
            return received
        }

        /// Sends commands, and waits until they are executed and answered.
        func exchange(_ commands: String) async throws {
            try send(commands + "bogus\r\n")
            try await waitUntil { try look().hasSuffix("UNKNOWN_COMMAND\r\n") }
            forget()
        }

        /// Forgets what has arrived.
        func forget() { received = "" }
    }
}
