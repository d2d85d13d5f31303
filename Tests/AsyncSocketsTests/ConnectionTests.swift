// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ConnectionTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    /// Runs on the loop and beside it: every call is right from anywhere.
    static let places = [true, false]

    func run<Failure: Error>(onLoop: Bool, _ body: () async throws(Failure) -> Void) async throws(Failure) {
        if onLoop {
            try await withTaskExecutorPreference(loop) { () async throws(Failure) in try await body() }
        } else {
            try await body()
        }
        loop.stop()
    }

    @Test(arguments: places)
    func bytesComeAndGoUntilTheEnd(onLoop: Bool) async throws {
        try await run(onLoop: onLoop) {
            let (client, server) = try await tcpPair(loop)
            for size in [0, 1, 64, 1024, 70_000] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
                async let sent: Void = client.send(bytes)
                var received: [UInt8] = []
                while received.count < size {
                    #expect(try await server.receive(into: &received, upTo: size - received.count) > 0)
                }
                try await sent
                #expect(received == bytes)
            }
            try await client.send("last")
            try client.finishSending()
            #expect(try await server.receiveAll(limit: 100) == Array("last".utf8))
            #expect(try await server.receive(upTo: 10).isEmpty)
            // The other half still works.
            try await server.send("reply")
            #expect(try await client.receive(upTo: 10) == Array("reply".utf8))
        }
    }

    @Test func waitingReceiveIsWakenedByBytes() async throws {
        let (client, server) = try await tcpPair(loop)
        let received = Task(executorPreference: loop) { try await server.receive(upTo: 10) }
        await loop.settle()
        try await client.send("x")
        #expect(try await received.value == [UInt8(ascii: "x")])
        loop.stop()
    }

    @Test(arguments: places)
    func closeWakesWaitingCalls(onLoop: Bool) async throws {
        try await run(onLoop: onLoop) {
            let (client, server) = try await tcpPair(loop)
            let received = Task(executorPreference: loop) { await failure { _ = try await server.receive(upTo: 1) } }
            let sent = Task(executorPreference: loop) {
                await failure { while true { try await server.send([UInt8](repeating: 0, count: 1 << 20)) } }
            }
            // Whoever sends goes on until nothing more fits.
            _ = try await client.wait(for: .readable)
            await loop.settle()
            server.close()
            #expect(await received.value?.reason == .closed)
            #expect(await sent.value?.reason == .closed)
            #expect(server.isClosed)
            #expect(await failure { _ = try await server.receive(upTo: 1) }?.reason == .closed)
            _ = client
        }
    }

    @Test(arguments: places)
    func cancellingWakesAWaitingCall(onLoop: Bool) async throws {
        try await run(onLoop: onLoop) {
            let (client, server) = try await tcpPair(loop)
            // At once, and after more and more time: before it waits, as it begins to, and while it waits.
            for pause in 0..<20 {
                let task = Task { await failure { _ = try await server.receive(upTo: 1) } }
                if pause % 2 == 0 { try await Task.sleep(for: .microseconds(100 * pause)) }
                task.cancel()
                #expect(await task.value?.reason == .cancelled)
            }
            // Nothing is lost by it.
            try await client.send("x")
            #expect(try await server.receive(upTo: 1) == [UInt8(ascii: "x")])
        }
    }

    /// On the loop, as other tests may keep everything else from running for a while.
    @Test func everyDeadlineEndsAWaitingCall() async throws {
        try await run(onLoop: true) {
            let (client, server) = try await tcpPair(loop)
            let start = ContinuousClock.now
            let error = await failure { _ = try await server.receive(upTo: 1, timeout: .milliseconds(30)) }
            #expect(error?.errno == .timedOut)
            #expect(ContinuousClock.now - start >= .milliseconds(30))
            #expect("\(try #require(error))".hasPrefix("receive \(server.peerAddress): "))

            server.setIdleTimeout(.milliseconds(400))
            #expect(await failure { _ = try await server.receive(upTo: 1) }?.errno == .timedOut)
            // Bytes in the other direction keep the connection from being idle.
            let waiting = Task(executorPreference: loop) { await failure { _ = try await server.receive(upTo: 1) } }
            for _ in 0..<6 {
                try await loop.sleep(for: .milliseconds(100))
                try await server.send("x")
            }
            try await client.send("x")
            #expect(await waiting.value == nil)
            server.setIdleTimeout(nil)

            server.setTotalTimeout(.milliseconds(20))
            #expect(await failure { _ = try await server.receive(upTo: 1) }?.errno == .timedOut)
            #expect(await failure { _ = try await server.receive(upTo: 1) }?.errno == .timedOut)
        }
    }

    @Test func sendGivesUpOnAPeerThatDoesNotRead() async throws {
        let (client, server) = try await tcpPair(loop)
        let error = await failure {
            while true { try await server.send([UInt8](repeating: 0, count: 1 << 20), timeout: .milliseconds(30)) }
        }
        #expect(error?.errno == .timedOut)
        _ = client
        loop.stop()
    }

    @Test func receivingNothingWaitsForNothing() async throws {
        let (client, server) = try await tcpPair(loop)
        #expect(try await server.receive(upTo: 0).isEmpty)
        _ = client
        loop.stop()
    }

    @Test func secondReaderIsAClearErrorAndTheFirstGoesOn() async throws {
        let (client, server) = try await tcpPair(loop)
        let first = Task(executorPreference: loop) { try await server.receive(upTo: 1) }
        await loop.settle()
        #expect(await failure { _ = try await server.receive(upTo: 1) }?.reason == .inUse)
        try await client.send("x")
        #expect(try await first.value == [UInt8(ascii: "x")])
        loop.stop()
    }

    @Test(arguments: places)
    func twoSendsNeverMixTheirBytes(onLoop: Bool) async throws {
        try await run(onLoop: onLoop) {
            let (client, server) = try await tcpPair(loop)
            let size = 300_000
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask { try await client.send([UInt8](repeating: UInt8(number), count: size)) }
                }
                var seen: Set<UInt8> = []
                for _ in 0..<8 {
                    var piece: [UInt8] = []
                    while piece.count < size {
                        #expect(try await server.receive(into: &piece, upTo: size - piece.count) > 0)
                    }
                    #expect(Set(piece).count == 1)
                    seen.insert(piece[0])
                }
                #expect(seen.count == 8)
                try await group.waitForAll()
            }
        }
    }

    @Test func queuedSendsEndWithTheirOwnErrors() async throws {
        let (client, server) = try await tcpPair(loop)
        let big = [UInt8](repeating: 0, count: 1 << 24)
        let first = Task { await failure { try await server.send(big) } }
        // More than the kernel takes, so that whoever has begun to send it is not done.
        _ = try await client.wait(for: .readable)
        #expect(await failure { try await server.send("x", timeout: .milliseconds(20)) }?.errno == .timedOut)
        let cancelled = Task(executorPreference: loop) { await failure { try await server.send("x") } }
        let closed = Task(executorPreference: loop) { await failure { try await server.send("x") } }
        await loop.settle()
        cancelled.cancel()
        #expect(await cancelled.value?.reason == .cancelled)
        server.close()
        #expect(await closed.value?.reason == .closed)
        #expect(await first.value?.reason == .closed)
        _ = client
        loop.stop()
    }

    /// One that began to wait just as the last one that waited had given up was once never told of its turn.
    @Test func sendThatBeginsAsAnotherEndsGetsItsTurn() async throws {
        let loops = try EventLoopGroup(count: 2)
        let (client, server) = try await tcpPair(loop)
        let reading = Task(executorPreference: loop) {
            var bytes: [UInt8] = []
            while try await client.receive(into: &bytes, upTo: 1 << 16) > 0 { bytes.removeAll(keepingCapacity: true) }
        }
        let big = [UInt8](repeating: 0, count: 1 << 20)
        for round in 0..<200 {
            await withTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: loops.loops[0]) { try? await server.send(big) }
                group.addTask(executorPreference: loops.loops[1]) {
                    try? await server.send("b", timeout: .microseconds(round * 5))
                    try? await server.send("c")
                }
            }
        }
        server.close()
        try await reading.value
        loops.stop()
        loop.stop()
    }

    /// A receive that stops before a byte that came with descriptors, or behind the urgent one, once left it there
    /// unseen.
    @Test func shortReceiveLeavesNothingUnseen() async throws {
        let pair = try Socket.pair()
        let peer = try Connection(adopting: pair.second, on: loop)
        let first = pair.first
        let waiting = Task(executorPreference: loop) { try await peer.receive(upTo: 100, timeout: .seconds(250)) }
        await loop.settle()
        let passed = first.withDescriptor { $0 }
        _ = try first.sendMessage(Array("abc".utf8), descriptors: [passed])
        _ = try first.send("d")
        var received = try await waiting.value
        while received.count < 4 { received += try await peer.receive(upTo: 100, timeout: .seconds(250)) }
        #expect(received == Array("abcd".utf8))

        let (client, server) = try await tcpPair(loop)
        let reading = Task(executorPreference: loop) { try await server.receive(upTo: 1, timeout: .seconds(250)) }
        await loop.settle()
        try await client.send("a")
        #expect(try await reading.value == Array("a".utf8))
        try client.withSocket { socket throws(SocketError) in
            _ = try socket.send("bc", flags: [])
            _ = try socket.send("!", flags: .outOfBand)
            _ = try socket.send("def", flags: [])
        }
        var rest: [UInt8] = []
        while rest.count < 5 { rest += try await server.receive(upTo: 100, timeout: .seconds(250)) }
        #expect(rest == Array("bcdef".utf8))
        loop.stop()
    }

    /// The first timer of a loop was once taken for none, and kept its connection, and the loop, until it fired.
    @Test func closedConnectionKeepsNoTimer() async throws {
        weak var reference: EventLoop?
        do {
            let loop = try EventLoop()
            reference = loop
            let (one, other) = try Connection.pair(on: loop)
            one.setIdleTimeout(.seconds(3600))
            let waiting = Task(executorPreference: loop) { await failure { _ = try await one.receive(upTo: 1) } }
            await loop.settle()
            one.close()
            one.setTotalTimeout(.seconds(3600))
            #expect(await waiting.value?.reason == .closed)
            other.close()
            loop.stop()
        }
        while reference != nil { await Task.yield() }
    }

    @Test func gatheredPiecesArriveInOrder() async throws {
        let (client, server) = try await tcpPair(loop)
        var vector = IOVector()
        var expected: [UInt8] = []
        for number in 0..<40 {
            let piece = [UInt8](repeating: UInt8(number), count: 10_000)
            try vector.append(piece)
            expected += piece
        }
        let head = [UInt8]("head".utf8)
        let body = [UInt8](repeating: 7, count: 500_000)
        async let sent: Void = {
            try await client.send(vector)
            try await client.send(gathering: unsafe head.span.bytes, unsafe body.span.bytes)
            try client.finishSending()
        }()
        #expect(try await server.receiveAll(limit: 1 << 20) == expected + head + body)
        try await sent
        loop.stop()
    }

    @Test func peekAndWaitTakeNothing() async throws {
        let (client, server) = try await tcpPair(loop)
        async let outcome = server.wait(for: .readable)
        try await client.send("abc")
        #expect(try await outcome == .events(.readable))
        #expect(try await server.peek(upTo: 2) == Array("ab".utf8))
        #expect(try await server.receive(upTo: 10) == Array("abc".utf8))
        loop.stop()
    }

    @Test func peekBeyondWhatIsKnownWaitsForMore() async throws {
        let (client, server) = try await tcpPair(loop)
        let text = Array("three words here".utf8)
        for count in 0..<text.count {
            async let seen = server.peek(upTo: 100, beyond: count)
            try await client.send([text[count]])
            #expect(try await seen == Array(text[...count]))
        }
        let error = await failure {
            _ = try await server.peek(upTo: 100, beyond: text.count, timeout: .milliseconds(20))
        }
        #expect(error?.errno == .timedOut)
        #expect(try await server.peek(upTo: 5, beyond: 5) == Array(text[..<5]))
        // The end is news, and takes nothing either.
        async let seen = server.peek(upTo: 100, beyond: text.count)
        try client.finishSending()
        #expect(try await seen == text)
        #expect(try await server.peek(upTo: 100, beyond: text.count) == text)
        #expect(try await server.receiveAll(limit: 100) == text)
        #expect(try await server.peek(upTo: 100).isEmpty)
        loop.stop()
    }

    @Test func waitHearsASignalAndAPeerThatGoes() async throws {
        let (client, server) = try await tcpPair(loop)
        let signal = Signal()
        for given in 0..<50 {
            if given % 2 == 0 { signal.give() }
            async let outcome = server.wait(for: .peerHalfClosed, or: signal)
            if given % 2 == 1 { signal.give() }
            #expect(try await outcome == .signalled)
        }
        // Unread bytes are no reason to wake.
        try await client.send("pipelined")
        let error = await failure {
            _ = try await server.wait(for: .peerHalfClosed, or: signal, timeout: .milliseconds(20))
        }
        #expect(error?.errno == .timedOut)
        async let outcome = server.wait(for: .peerHalfClosed, or: signal)
        try client.finishSending()
        guard case .events(let events) = try await outcome else {
            Issue.record("not told of the peer")
            return
        }
        #expect(events.contains(.peerHalfClosed))
        #expect(try await server.receiveAll(limit: 100) == Array("pipelined".utf8))
        loop.stop()
    }

    @Test func replySurvivesUnreadInput() async throws {
        let (client, server) = try await tcpPair(loop)
        try await client.send([UInt8](repeating: 1, count: 200_000))
        try await server.send("sorry, too long")
        async let finished: Void = server.finish()
        #expect(try await client.receiveAll(limit: 100) == Array("sorry, too long".utf8))
        client.close()
        try await finished
        #expect(server.isClosed)
        loop.stop()
    }

    @Test func resetIsSeenAsOne() async throws {
        let (client, server) = try await tcpPair(loop)
        try client.reset()
        #expect(await failure { _ = try await server.receive(upTo: 1) }?.errno == .connectionReset)
        // The error is reported once; what comes after it is the end, and nothing to wait for.
        #expect(try await server.receive(upTo: 1, timeout: .seconds(10)).isEmpty)
        loop.stop()
    }

    @Test func sendToAPeerThatIsGoneIsAnErrorAndNoSignal() async throws {
        let (client, server) = try await tcpPair(loop)
        client.close()
        let error = await failure { while true { try await server.send("x") } }
        #expect(error?.errno == .brokenPipe || error?.errno == .connectionReset)
        loop.stop()
    }

    @Test func releasedSocketIsBlockingAndStillConnected() async throws {
        let (client, server) = try await tcpPair(loop)
        let waiting = Task(executorPreference: loop) { try await server.receive(upTo: 1) }
        await loop.settle()
        do {
            _ = try server.release()
            Issue.record("released under a call")
        } catch {
            #expect(error.reason == .inUse)
        }
        try await client.send("x")
        _ = try await waiting.value
        let socket = try server.release()
        let mode = try socket.blockingMode
        #expect(mode == .blocking)
        try await client.send("y")
        let bytes = try socket.receive(upTo: 1)
        #expect(bytes == [UInt8(ascii: "y")])
        #expect(server.isClosed)
        loop.stop()
    }

    /// A call that gave up while others were let run once lost the wake-up it had taken.
    @Test func callThatGivesUpAfterManyImmediateOnesLosesNoByte() async throws {
        let (client, server) = try await tcpPair(loop)
        for _ in 0..<300 {
            try await client.send("xy")
            var received: [UInt8] = []
            while received.count < 2 {
                do throws(SocketError) {
                    _ = try await server.receive(into: &received, upTo: 1, timeout: .zero)
                } catch {
                    try #require(error.errno == .timedOut)
                }
            }
        }
        loop.stop()
    }

    @Test func unixPeersTellWhoTheyAre() async throws {
        let (first, second) = try Connection.pair(on: loop)
        #expect(try first.peerCredentials.processID == getProcessID())
        try await first.send("x")
        #expect(try await second.receive(upTo: 5) == [UInt8(ascii: "x")])
        loop.stop()
    }

    @Test func keepAliveIsSet() async throws {
        let (client, server) = try await tcpPair(loop)
        try client.set(Connection.KeepAlive(idle: .seconds(7), interval: .seconds(3), count: 4))
        #expect(try client.get(.keepAlive))
        #expect(try client.get(.keepAliveIdle) == .seconds(7))
        #expect(try client.get(.keepAliveCount) == 4)
        #expect(try client.get(.userTimeout) == .seconds(7 + 3 * 4))
        _ = server
        loop.stop()
    }

    @Test func connectionThatNobodyHoldsClosesItself() async throws {
        let (client, server) = try await tcpPair(loop)
        var held: Connection? = server
        _ = try await held?.receive(upTo: 0)
        held = nil
        _ = consume server
        #expect(try await client.receive(upTo: 1, timeout: .seconds(10)).isEmpty)
        loop.stop()
    }
}

private func getProcessID() -> Int32 {
    Int32(ProcessIdentity.current)
}
