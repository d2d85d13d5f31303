// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Logging
import ServiceLifecycle
import Synchronization
import TalkbackClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct WorkerTests {
    /// Jobs that handlers have had.
    private actor Record {
        var bodies: [String] = []
        var attempts: [Int] = []
        var active = 0
        var mostActive = 0

        func note(_ job: WorkerJob) {
            bodies.append(job.text)
            attempts.append(job.attempt)
        }
        func enter() {
            active += 1
            mostActive = max(mostActive, active)
        }
        func leave() { active -= 1 }
    }

    /// At what levels a worker logs.
    private final class Recorder: LogHandler, Sendable {
        private let recorded = Mutex<[Logger.Level]>([])
        var levels: [Logger.Level] { recorded.withLock { $0 } }
        var logger: Logger { Logger(label: "test") { _ in self } }

        func log(event: LogEvent) { recorded.withLock { $0.append(event.level) } }

        // One that changes nothing of itself is shared without harm.
        var metadataProvider: Logger.MetadataProvider? {
            get { nil }
            set {}
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { .info }
            set {}
        }
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
    }

    private static let impatient = Backoff(first: .zero, longest: .zero)

    /// Runs a worker beside `body`, and stops it then.
    private func working(
        _ options: WorkerOptions, _ handler: @escaping Worker.Handler,
        _ body: (Client, Worker) async throws -> Void
    ) async throws {
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            let worker = Worker(
                options, at: address, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, handler: handler)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                try await body(client, worker)
                worker.stop()
                try await group.waitForAll()
            }
            await client.close()
        }
    }

    /// Waits until a tube has no jobs but buried ones.
    private func waitUntilDone(_ client: Client, _ tube: Tube) async throws {
        try await waitUntil {
            do {
                let statistics = try await client.statistics(of: tube)
                return statistics.ready + statistics.reserved + statistics.delayed == 0
            } catch let error as ClientError where error.reason == .notFound {
                return true
            }
        }
    }

    @Test func jobsAreDoneAndDeleted() async throws {
        let record = Record()
        try await working(WorkerOptions(tubes: ["a", "b"], concurrency: 4)) { job in
            await record.note(job)
        } _: { client, _ in
            for index in 0..<50 { try await client.put("\(index)", into: index % 2 == 0 ? "a" : "b") }
            try await waitUntilDone(client, "a")
            try await waitUntilDone(client, "b")
        }
        let bodies = await record.bodies
        #expect(Set(bodies) == Set((0..<50).map { "\($0)" }))
        #expect(bodies.count == 50)
    }

    @Test func soManyAreWorkedOnAtATime() async throws {
        let record = Record()
        try await working(WorkerOptions(tubes: ["a"], concurrency: 3)) { _ in
            await record.enter()
            try await waitUntil { await record.mostActive >= 3 }
            await record.leave()
        } _: { client, _ in
            for _ in 0..<12 { try await client.put("x", into: "a") }
            try await waitUntilDone(client, "a")
        }
        let most = await record.mostActive
        #expect(most == 3)
    }

    @Test func failedJobIsTriedAgainAndThenBuried() async throws {
        struct Failure: Error {}
        let record = Record()
        try await working(WorkerOptions(tubes: ["a"], attempts: 3, backoff: Self.impatient)) { job in
            await record.note(job)
            throw Failure()
        } _: { client, _ in
            let id = try await client.put("x", into: "a", PutOptions(priority: 5))
            try await waitUntilDone(client, "a")
            let statistics = try await client.statistics(ofJob: id)
            #expect(statistics.state == .buried)
            #expect(statistics.priority == 5)
        }
        let attempts = await record.attempts
        #expect(attempts == [1, 2, 3])
    }

    @Test func rejectedJobIsBuriedAtOnce() async throws {
        try await working(WorkerOptions(tubes: ["a"], attempts: 100)) { _ in
            throw JobRejected("it is none")
        } _: { client, _ in
            let id = try await client.put("x", into: "a")
            try await waitUntilDone(client, "a")
            let statistics = try await client.statistics(ofJob: id)
            #expect(statistics.state == .buried)
            #expect(statistics.reserves == 1)
        }
    }

    @Test func jobIsTouchedForAsLongAsItTakes() async throws {
        let record = Record()
        try await working(WorkerOptions(tubes: ["a"], concurrency: 2)) { job in
            await record.note(job)
            // More than the job's time to run, of which a busy machine may take two thirds before it is touched.
            try await Task.sleep(for: .milliseconds(6500))
        } _: { client, _ in
            try await client.put("x", into: "a", PutOptions(timeToRun: .seconds(5)))
            try await waitUntilDone(client, "a")
        }
        let attempts = await record.attempts
        #expect(attempts == [1])
    }

    @Test func handlerThatTakesTooLongHasFailed() async throws {
        let record = Record()
        let options = WorkerOptions(
            tubes: ["a"], attempts: 2, backoff: Self.impatient, timeLimit: .milliseconds(50))
        try await working(options) { job in
            await record.note(job)
            try await workUntilCancelled()
        } _: { client, _ in
            let id = try await client.put("x", into: "a")
            try await waitUntilDone(client, "a")
            let state = try await client.statistics(ofJob: id).state
            #expect(state == .buried)
        }
        let attempts = await record.attempts
        #expect(attempts == [1, 2])
    }

    @Test func stopLetsHandlersFinish() async throws {
        let record = Record()
        let (started, begin) = AsyncStream<Void>.makeStream()
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await working(WorkerOptions(tubes: ["a"])) { job in
            begin.yield()
            for await _ in gate { break }
            await record.note(job)
        } _: { client, worker in
            try await client.put("1", into: "a")
            for await _ in started { break }
            try await client.put("2", into: "a")
            worker.stop()
            open.yield()
        }
        let bodies = await record.bodies
        #expect(bodies == ["1"])
    }

    @Test(arguments: [true, false]) func whatIsNotFinishedInTimeIsHandedBack(isForced: Bool) async throws {
        let (started, begin) = AsyncStream<Void>.makeStream()
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            let options = WorkerOptions(tubes: ["a"], grace: isForced ? .seconds(250) : .milliseconds(50))
            let worker = Worker(options, at: address) { _ in
                begin.yield()
                try await workUntilCancelled()
            }
            let id = try await client.put("x", into: "a", PutOptions(priority: 9))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                for await _ in started { break }
                if isForced { worker.stopNow() } else { worker.stop() }
                try await group.waitForAll()
            }
            let statistics = try await client.statistics(ofJob: id)
            #expect(statistics.state == .ready)
            #expect(statistics.priority == 9)
            #expect(statistics.statistics.number("releases") == 1)
            await client.close()
        }
    }

    @Test func lostJobCancelsItsHandler() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let server = try ScriptedServer(on: loop)
        let statistics = """
            ---
            id: 1
            tube: a
            state: reserved
            pri: 1
            age: 0
            delay: 0
            ttr: 1
            time-left: 0
            reserves: 4

            """
        let (ended, end) = AsyncStream<Int>.makeStream()
        let worker = Worker(WorkerOptions(tubes: ["default"]), at: server.address) { job in
            do {
                try await workUntilCancelled()
            } catch {
                end.yield(job.attempt)
                throw error
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run([
                    [
                        .expect("reserve\r\n"), .say("RESERVED 1 1\r\nx\r\n"), .expect("state 0\r\n"),
                        .say("UNKNOWN_COMMAND\r\n"), .expect("stats-job 1\r\n"),
                        .say("OK \(statistics.utf8.count)\r\n\(statistics)\r\n"), .expect("touch 1\r\n"),
                        .say("NOT_FOUND\r\n"), .expect("reserve\r\n"),
                        .call { worker.stop() }, .silence,
                    ]
                ])
            }
            group.addTask { try await worker.run() }
            for await attempt in ended {
                #expect(attempt == 4)
                break
            }
            try await group.waitForAll()
        }
    }

    @Test func jobWhoseWorkersAreLostIsBuried() async throws {
        let record = Record()
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            let id = try await client.put("x", into: "a")
            for _ in 0..<2 {
                let other = try await Client.connect(to: address)
                _ = try await other.reserve(from: ["a"])
                await other.close()
                try await waitUntil { try await client.statistics(ofJob: id).state == .ready }
            }
            let worker = Worker(WorkerOptions(tubes: ["a"], attempts: 2), at: address) { await record.note($0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                try await waitUntil { try await client.statistics(ofJob: id).state == .buried }
                worker.stop()
                try await group.waitForAll()
            }
            await client.close()
        }
        let bodies = await record.bodies
        #expect(bodies.isEmpty)
    }

    @Test func postponedJobIsTriedAgainWithoutAWarning() async throws {
        let log = Recorder()
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            let options = WorkerOptions(tubes: ["a"], attempts: 3, backoff: Self.impatient)
            let worker = Worker(options, at: address, logger: log.logger) { _ in throw JobPostponed("no paper") }
            let submission = try await client.submit("x", to: "a")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                let outcome = try await submission.outcome
                #expect(outcome == .failed(reason: "no paper"))
                worker.stop()
                try await group.waitForAll()
            }
            let attempt = try await submission.status?.attempt
            #expect(attempt == 3)
            await client.close()
        }
        #expect(log.levels == [.info, .info, .error])
    }

    /// How beanstalkd counts.
    @Test(arguments: [
        // Lost twice; failed once and lost once; handed back twice; kicked after that, once and then again.
        (counts: [3, 0, 0, 0], isUsedUp: true), (counts: [3, 1, 0, 0], isUsedUp: true),
        (counts: [3, 2, 0, 0], isUsedUp: true), (counts: [2, 0, 0, 0], isUsedUp: false),
        (counts: [4, 0, 1, 1], isUsedUp: false), (counts: [5, 0, 1, 1], isUsedUp: true),
        // Kicked while it was delayed, which brings nothing back.
        (counts: [3, 2, 0, 5], isUsedUp: true),
    ])
    func jobOfBeanstalkdThatIsUsedUpIsBuriedUntried(counts: [Int], isUsedUp: Bool) async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let server = try ScriptedServer(on: loop)
        let statistics = """
            ---
            id: 1
            tube: default
            state: reserved
            pri: 7
            age: 0
            delay: 0
            ttr: 60
            time-left: 59
            reserves: \(counts[0])
            timeouts: 0
            releases: \(counts[1])
            buries: \(counts[2])
            kicks: \(counts[3])

            """
        let record = Record()
        let worker = Worker(WorkerOptions(attempts: 2), at: server.address) { await record.note($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run([
                    [
                        .expect("reserve\r\n"), .say("RESERVED 1 1\r\nx\r\n"), .expect("state 0\r\n"),
                        .say("UNKNOWN_COMMAND\r\n"), .expect("stats-job 1\r\n"),
                        .say("OK \(statistics.utf8.count)\r\n\(statistics)\r\n"),
                        .expect(isUsedUp ? "bury 1 7\r\n" : "delete 1\r\n"),
                        .say(isUsedUp ? "BURIED\r\n" : "DELETED\r\n"), .expect("reserve\r\n"),
                        .call { worker.stop() }, .silence,
                    ]
                ])
            }
            group.addTask { try await worker.run() }
            try await group.waitForAll()
        }
        let bodies = await record.bodies
        #expect(bodies.isEmpty == isUsedUp)
    }

    @Test func workerNeedsATube() async {
        await #expect(throws: ClientError.self) { try await Worker(WorkerOptions(tubes: [])) { _ in }.run() }
    }

    @Test func serviceGroupStopsIt() async throws {
        let (started, begin) = AsyncStream<Void>.makeStream()
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            let worker = Worker(WorkerOptions(tubes: ["a"]), at: address) { _ in begin.yield() }
            let services = ServiceGroup(services: [worker], logger: Logger(label: "test"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await services.run() }
                try await client.put("x", into: "a")
                for await _ in started { break }
                await services.triggerGracefulShutdown()
                try await group.waitForAll()
            }
            let deleted = try await client.statistics(of: "a").deleted
            #expect(deleted == 1)
            await client.close()
        }
    }

    @Test func pausesGrow() {
        let backoff = Backoff(first: .seconds(5), longest: .seconds(100), factor: 3)
        #expect(
            (1...5).map { backoff.pause(after: $0) } == [
                .seconds(5), .seconds(15), .seconds(45), .seconds(100), .seconds(100),
            ])
        #expect(backoff.pause(after: .max) == .seconds(100))
        #expect(backoff.pause(after: 0) == .seconds(5))
        #expect(Backoff(first: .seconds(1), longest: .seconds(9), factor: .infinity).pause(after: 2) == .seconds(9))
        #expect(Backoff(first: .seconds(1), longest: .seconds(9), factor: 1e300).pause(after: 9) == .seconds(9))
        #expect(Backoff(first: .seconds(1), longest: .seconds(9), factor: .nan).pause(after: 9) == .seconds(1))
        for failures in 1...5 {
            let pause = backoff.randomPause(after: failures)
            #expect(pause <= backoff.pause(after: failures) && pause * 2 >= backoff.pause(after: failures))
        }
    }
}
