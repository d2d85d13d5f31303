// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ExchangeTests {
    private let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    /// Answers with what it receives, until the end.
    private func echo(_ connection: Connection) async throws(SocketError) {
        let exchange = Exchange(on: connection)
        var unsent: [UInt8] = []
        try await exchange.run { _ throws(SocketError) in
            while true {
                if !unsent.isEmpty {
                    guard let count = try exchange.trySend(unsent.span) else { return }
                    unsent.removeSubrange(..<count)
                } else {
                    guard let count = try exchange.tryReceive(appendingTo: &unsent, upTo: 1000) else { return }
                    if count == 0 { return exchange.end() }
                }
            }
        }
    }

    @Test func everythingIsAnsweredHoweverMuchThereIs() async throws {
        let (here, there) = try Connection.pair(on: loop)
        let sent = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask(executorPreference: loop) {
                try await echo(there)
                there.close()
                return []
            }
            group.addTask(executorPreference: loop) {
                try await here.send(sent)
                try here.finishSending()
                return []
            }
            group.addTask(executorPreference: loop) { try await here.receiveAll(limit: 4_000_000) }
            let received = try await group.reduce(into: []) { $0 += $1 }
            #expect(received == sent)
        }
        loop.stop()
    }

    @Test func timeIsThatOfTheEventAndNotOfTheOneBefore() async throws {
        let (here, there) = try Connection.pair(on: loop)
        let task = Task(executorPreference: loop) {
            let exchange = Exchange(on: there)
            var times: [Int64] = []
            try await exchange.run { [loop] _ throws(SocketError) in
                while true {
                    var bytes: [UInt8] = []
                    guard let count = try exchange.tryReceive(appendingTo: &bytes, upTo: 10) else { return }
                    if count == 0 { return exchange.end() }
                    times.append(loop.now)
                    _ = try exchange.trySend(bytes.span)
                }
            }
            return times
        }
        // With a timer the loop looks at its clock before it waits.
        let timer = loop.schedule(after: .seconds(1000)) {}
        defer { timer.cancel() }
        // From elsewhere, so that the loop has nothing to do in between.
        let start = ContinuousClock.now
        let pause = Duration.milliseconds(100)
        try await here.send("x")
        _ = try await here.receive(upTo: 1)
        // The time that is to be seen.
        try await Task.sleep(for: pause)
        try await here.send("x")
        _ = try await here.receive(upTo: 1)
        let longest = start.duration(to: .now)
        try here.finishSending()
        let times = try await task.value
        #expect(times.count == 2)
        let apart = Duration.nanoseconds((times.last ?? 0) - (times.first ?? 0))
        #expect(apart > pause / 2 && apart <= longest + pause, "\(apart)")
        loop.stop()
    }

    @Test func endsAsItIsToldTo() async throws {
        let (here, there) = try Connection.pair(on: loop)
        let task = Task(executorPreference: loop) {
            let exchange = Exchange(on: there)
            var calls = 0
            try await exchange.run { events in
                calls += 1
                // First at once, whatever there is.
                if calls == 1 { #expect(events == [.readable, .writable]) }
                if calls == 3 { exchange.end(throwing: SocketError(.receive, .system(.ioError))) }
                exchange.callAgain()
            }
        }
        await #expect(throws: SocketError.self) { try await task.value }
        // It is an ordinary connection again.
        try await here.send("x")
        #expect(try await there.receive(upTo: 10) == Array("x".utf8))
        loop.stop()
    }

    @Test func isEndedByCloseAndCancellationAndTime() async throws {
        for reason in [SocketError.Reason.closed, .cancelled, .system(.timedOut)] {
            let (here, there) = try Connection.pair(on: loop)
            let hasBegun = Signal()
            let task = Task(executorPreference: loop) {
                try await Exchange(on: there).run { _ in hasBegun.give() }
            }
            _ = await loop.wait(for: hasBegun, timeout: .seconds(250))
            switch reason {
            case .closed: there.close()
            case .cancelled: task.cancel()
            default: there.setTotalTimeout(.milliseconds(1))
            }
            let result = await task.result
            #expect(throws: SocketError.self) { try result.get() }
            if case .failure(let error as SocketError) = result { #expect(error.reason == reason) }
            _ = here
        }
        loop.stop()
    }

    @Test func nobodyElseReceivesMeanwhile() async throws {
        let (here, there) = try Connection.pair(on: loop)
        let task = Task(executorPreference: loop) { try await echo(there) }
        try await here.send("ping")
        #expect(try await here.receive(upTo: 10) == Array("ping".utf8))
        await #expect(throws: SocketError.self) { try await there.receive(upTo: 1) }
        here.close()
        try await task.value
        loop.stop()
    }

    @Test func resetIsThrownWithThePeersName() async throws {
        let listener = try Listener.bind(to: .ipv4(.loopback, port: 0), on: loop)
        let client = try await Connection.connect(to: listener.address, on: loop)
        let server = try await listener.accept()
        let task = Task(executorPreference: loop) { try await echo(server) }
        try await client.send("x")
        _ = try await client.receive(upTo: 1)
        try client.reset()
        let result = await task.result
        #expect(throws: SocketError.self) { try result.get() }
        if case .failure(let error as SocketError) = result {
            #expect(error.errno == .connectionReset && error.subject == .address(server.peerAddress))
        }
        listener.close()
        loop.stop()
    }
}
