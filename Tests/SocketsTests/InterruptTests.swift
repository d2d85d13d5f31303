// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import Synchronization
import SystemPackage
import TestSupport
import Testing

private let handledSignals = Atomic(0)

/// Calls that a signal interrupts, whose handler was installed without SA_RESTART.
@Suite(.blocking, .serialized, .timeLimit(.minutes(5)))
struct InterruptTests {
    /// The calls that can wait.
    enum Call: CaseIterable {
        case receive, receiveFrom, receiveMessage, accept, wait, poll, select, connect, send
    }

    private let here: Held
    private let there: Held
    private let listener: Held
    private let address: SocketAddress

    init() throws {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in
            handledSignals.add(1, ordering: .relaxed)
        }
        // SAFETY: the action is initialised, has no flags, and its handler only adds to an atomic number.
        _ = unsafe sigaction(SIGUSR1, &action, nil)

        let pair = try Socket.pair()
        here = Held(pair.first)
        there = Held(pair.second)
        listener = Held(try Socket.listen(on: .unix(.unnamed), backlog: 0))
        address = try listener.socket.localAddress
    }

    /// Makes the call, which waits until somebody does what ``end(_:)`` does.
    private static func make(
        _ call: Call, retry: Bool, _ here: Held, _ listener: Held, _ address: SocketAddress
    ) throws(SocketError) {
        let descriptor = here.socket.withDescriptor { $0 }
        switch call {
        case .receive: _ = try here.socket.receive(upTo: 1, retryOnInterrupt: retry)
        case .receiveFrom:
            _ = try [UInt8](capacity: 1) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
                _ = try here.socket.receiveFrom(into: &buffer, retryOnInterrupt: retry)
            }
        case .receiveMessage:
            var vector = try IOVector(capacities: [1])
            _ = try here.socket.receive(into: &vector, retryOnInterrupt: retry)
        case .accept: try listener.socket.accept(retryOnInterrupt: retry).close()
        case .wait: _ = try here.socket.wait(for: .readable, timeout: nil, retryOnInterrupt: retry)
        case .poll:
            var entries = [PollEntry(descriptor, .readable)]
            try Socket.poll(&entries, timeout: nil, retryOnInterrupt: retry)
        case .select: _ = try Socket.select(reading: [descriptor], timeout: nil, retryOnInterrupt: retry)
        case .connect: try Socket(.unix, .stream).connect(to: address, retryOnInterrupt: retry)
        case .send: _ = try here.socket.send([UInt8](repeating: 0, count: 65_536), retryOnInterrupt: retry)
        }
    }

    /// Does what the call waits for.
    private func end(_ call: Call) throws {
        switch call {
        case .accept: try Socket.connect(to: address).close()
        case .connect: try listener.socket.accept().close()
        case .send: while try there.socket.tryReceive(upTo: 1 << 20)?.isEmpty == false {}
        default: try there.socket.sendAll("x")
        }
    }

    private func start(_ call: Call, retry: Bool) throws -> (TestThread, Shared<Errno?>) {
        if call == .connect {
            // Fills the backlog. The connection outlives its socket there.
            try Socket.connect(to: address).close()
        }
        if call == .send {
            while try here.socket.trySend([UInt8](repeating: 0, count: 65_536).span) != nil {}
        }
        let outcome = Shared<Errno?>()
        let thread = TestThread { [here, listener, address] in
            // The threads that run tests keep signals from themselves, and from threads they start.
            var signals = sigset_t()
            // SAFETY: the set is initialised by the first call.
            unsafe sigemptyset(&signals)
            unsafe sigaddset(&signals, SIGUSR1)
            _ = unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            do throws(SocketError) {
                try Self.make(call, retry: retry, here, listener, address)
                outcome.set(nil)
            } catch {
                outcome.set(error.errno)
            }
        }
        return (thread, outcome)
    }

    @Test(arguments: Call.allCases)
    func interruptedCallSaysSoWhenAsked(call: Call) throws {
        let (thread, outcome) = try start(call, retry: false)
        while !thread.isFinished {
            thread.interrupt(SIGUSR1)
            sched_yield()
        }
        thread.join()
        #expect(outcome.get() == .some(.interrupted))
    }

    @Test(arguments: Call.allCases)
    func interruptedCallGoesOn(call: Call) throws {
        let (thread, outcome) = try start(call, retry: true)
        let before = handledSignals.load(ordering: .relaxed)
        while handledSignals.load(ordering: .relaxed) < before + 100 {
            thread.interrupt(SIGUSR1)
            sched_yield()
        }
        #expect(!thread.isFinished)
        try end(call)
        thread.join()
        #expect(outcome.get() == .some(.none))
    }
}
