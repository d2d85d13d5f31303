// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Glibc
import Sockets
import Synchronization
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EventLoopTests {
    @Test func tasksThatPreferTheLoopRunOnItAndStay() async throws {
        let loop = try EventLoop()
        await withTaskExecutorPreference(loop) {
            #expect(loop.isCurrent)
            await Task.yield()
            #expect(loop.isCurrent)
            try? await loop.sleep(for: .milliseconds(1))
            #expect(loop.isCurrent)
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        await Task.yield()
                        return loop.isCurrent
                    }
                }
                for await isCurrent in group { #expect(isCurrent) }
            }
        }
        #expect(!loop.isCurrent)
        loop.stop()
    }

    @Test func loopCanStartItsThreadLater() async throws {
        let loop = try EventLoop(threadStart: .onFirstWork)
        // Bound while the loop has no thread, at the addresses of a host that was looked up before.
        let addresses = try SocketAddress.resolve(host: "127.0.0.1", port: 0)
        let listener = try Listener.bind(toHost: "here", at: addresses, on: loop)
        #expect(throws: SocketError.self) { try Listener.bind(toHost: "nowhere", at: [], on: loop) }
        let client = try Socket.connect(to: listener.address)
        try client.sendAll("x")
        let connection = try await listener.accept(timeout: .seconds(60))
        #expect(try await connection.receive(upTo: 10) == Array("x".utf8))
        await withTaskExecutorPreference(loop) { #expect(loop.isCurrent) }
        connection.close()
        listener.close()
        loop.stop()
    }

    private actor Counter {
        nonisolated let loop: EventLoop
        private var count = 0

        init(_ loop: EventLoop) {
            self.loop = loop
        }

        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

        func increment() -> Bool {
            count += 1
            loop.assertIsolated()
            return loop.isCurrent
        }

        func total() -> Int { count }
    }

    @Test func actorsOfTheLoopAreIsolatedFromManyThreads() async throws {
        let loop = try EventLoop()
        let counter = Counter(loop)
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<1000 {
                group.addTask(executorPreference: number % 2 == 0 ? loop : nil) { await counter.increment() }
            }
            for await isCurrent in group { #expect(isCurrent) }
        }
        #expect(await counter.total() == 1000)
        loop.stop()
    }

    @Test func workForAStoppedLoopStillRuns() async throws {
        let loop = try EventLoop()
        loop.stop()
        for _ in 0..<200 {
            let ran = await Task(executorPreference: loop) { loop.isCurrent }.value
            #expect(ran)
            try await loop.sleep(for: .microseconds(10))
        }
    }

    @Test func stoppedLoopIsFreedWhenItHasNothingToDo() async throws {
        weak var reference: EventLoop?
        do {
            let loop = try EventLoop()
            reference = loop
            await Task(executorPreference: loop) {}.value
            loop.stop()
        }
        while reference != nil { await Task.yield() }
    }

    @Test func sleepsEndInTheOrderOfTheirTimes() async throws {
        let loop = try EventLoop()
        let order = Shared<[Int]>([])
        let begin = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for milliseconds in [30, 10, 20, 10, 0] {
                group.addTask(executorPreference: loop) {
                    try? await loop.sleep(for: .milliseconds(milliseconds))
                    #expect(ContinuousClock.now - begin >= .milliseconds(milliseconds))
                    order.change { $0.append(milliseconds) }
                }
            }
        }
        #expect(order.get() == [0, 10, 10, 20, 30])
        loop.stop()
    }

    @Test func cancelledSleepEndsAtOnce() async throws {
        let loop = try EventLoop()
        for isOnLoop in [true, false] {
            let task = Task(executorPreference: isOnLoop ? loop : nil) {
                _ = await #expect(throws: CancellationError.self) { try await loop.sleep(for: .seconds(3600)) }
            }
            await Task.yield()
            task.cancel()
            await task.value
        }
        let cancelled = Task(executorPreference: loop) {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            _ = await #expect(throws: CancellationError.self) { try await loop.sleep(for: .seconds(3600)) }
        }
        await cancelled.value
        loop.stop()
    }

    @Test func cancellingRacesWithWaking() async throws {
        let loop = try EventLoop()
        for _ in 0..<500 {
            let task = Task(executorPreference: loop) { try? await loop.sleep(for: .microseconds(50)) }
            await Task.yield()
            task.cancel()
            await task.value
        }
        loop.stop()
    }

    @Test func idleLoopUsesNoProcessorTime() async throws {
        let loop = try EventLoop()
        let used = await Task(executorPreference: loop) { () -> Int in
            func processorTime() -> Int {
                var time = timespec()
                // SAFETY: clock_gettime writes the one structure.
                unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                return time.tv_sec * 1_000_000_000 + time.tv_nsec
            }
            let before = processorTime()
            try? await loop.sleep(for: .milliseconds(200))
            return processorTime() - before
        }.value
        #expect(used < 20_000_000)
        loop.stop()
    }

    @Test func manyThreadsAddTimersToALoopThatStopsAndStartsAgain() async throws {
        let loop = try EventLoop()
        loop.stop()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2000 {
                group.addTask {
                    if number % 3 == 0 {
                        try? await loop.sleep(for: .microseconds(number % 50))
                    } else {
                        await withCheckedContinuation { continuation in
                            loop.schedule(after: .microseconds(number % 50)) { continuation.resume() }
                        }
                    }
                }
            }
        }
    }

    @Test func timersAreCalledOnTheLoopUnlessCancelled() async throws {
        let loop = try EventLoop()
        let cancelled = loop.schedule(after: .milliseconds(1)) { Issue.record("a cancelled timer was called") }
        cancelled.cancel()
        let isCurrent = await withCheckedContinuation { continuation in
            loop.schedule(after: .milliseconds(5)) { continuation.resume(returning: loop.isCurrent) }
        }
        #expect(isCurrent)
        cancelled.cancel()
        loop.schedule(after: .seconds(Int64.max)) {}.cancel()
        loop.stop()
    }

    @Test func watchedDescriptorWakesItsTask() async throws {
        let loop = try EventLoop()
        let pair = try Socket.pair()
        let descriptor = pair.first.withDescriptor { $0 }
        #expect(try await loop.wait(for: .writable, on: descriptor) == .writable)
        let waiting = Task(executorPreference: loop) { try await loop.wait(for: .readable, on: descriptor) }
        await Task.yield()
        _ = try pair.second.send("x")
        #expect(try await waiting.value == .readable)
        // Nothing was consumed.
        #expect(try pair.first.receive(upTo: 1) == Array("x".utf8))
        loop.stop()
    }

    @Test func cancelledWatchEndsAndSecondWatchIsRefused() async throws {
        let loop = try EventLoop()
        let pair = try Socket.pair()
        let descriptor = pair.first.withDescriptor { $0 }
        let started = Shared(false)
        let waiting = Task(executorPreference: loop) {
            started.change { $0 = true }
            return try await loop.wait(for: .readable, on: descriptor)
        }
        while !started.get() { await Task.yield() }
        // On the loop, and so only after the first watch has begun.
        let second = await Task(executorPreference: loop) { () -> SocketError? in
            do throws(SocketError) {
                _ = try await loop.wait(for: .readable, on: descriptor)
                return nil
            } catch {
                return error
            }
        }.value
        #expect(second?.errno == .fileExists)
        waiting.cancel()
        #expect(try await waiting.value.isEmpty)
        #expect(try await loop.wait(for: .writable, on: descriptor) == .writable)
        loop.stop()
    }

    @Test func groupDealsItsLoopsOutInTurn() throws {
        let group = try EventLoopGroup(count: 3)
        let turns = (0..<6).map { _ in group.next() }
        for turn in 0..<3 {
            #expect(turns[turn] === group.loops[turn])
            #expect(turns[turn] === turns[turn + 3])
        }
        group.stop()
        let error = #expect(throws: SocketError.self) { _ = try EventLoopGroup(count: 0) }
        #expect(error?.reason == .invalid(.outOfRange))
        let standard = try EventLoopGroup()
        #expect(!standard.loops.isEmpty)
        standard.stop()
    }
}
