// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Logging
import TalkbackClient
import TestSupport
import Testing

/// What only a Talkback server can do.
@Suite(.timeLimit(.minutes(5)), .enabled(if: QueueProcess.testedProgram == nil))
struct SubmissionTests {
    private func connected(_ body: (Client) async throws -> Void) async throws {
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            try await body(client)
            await client.close()
        }
    }

    private func working(
        _ options: WorkerOptions, _ handler: @escaping Worker.ResultHandler, _ body: (Client) async throws -> Void
    ) async throws {
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            let worker = Worker.returningResults(
                options, at: address, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                handler: handler)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                do {
                    try await body(client)
                } catch {
                    worker.stopNow()
                    throw error
                }
                worker.stop()
                try await group.waitForAll()
            }
            await client.close()
        }
    }

    private static let impatient = Backoff(first: .zero, longest: .zero)

    @Test func resultComesBackByteForByte() async throws {
        try await working(WorkerOptions(tubes: ["a"])) { job in
            job.body.reversed() + [0, 13, 10, 255]
        } _: { client async throws in
            let submission = try await client.submit("abc", to: "a")
            #expect(submission.former == nil)
            let outcome = try await submission.outcome
            #expect(outcome == .done(Array("cba".utf8) + [0, 13, 10, 255]))
            // Whoever knows its number can ask, too.
            #expect(try await client.submission(submission.id).outcome == outcome)
            let status = try #require(try await submission.status)
            #expect(status.state == .done && status.percent == 100 && status.attempt == 1)
            #expect(try await submission.cancel() == .tooLate)
        }
    }

    @Test func largestResultComesBack() async throws {
        let result = (0..<ReservedJob.maximumResultSize).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        try await working(WorkerOptions()) { _ in
            result
        } _: { client async throws in
            #expect(try await client.submit("x").outcome == .done(result))
        }
        try await working(WorkerOptions()) { _ in
            result + [0]
        } _: { client async throws in
            let outcome = try await client.submit("x").outcome
            #expect(outcome == .failed(reason: "the result has 1048577 bytes; 1048576 are the most"))
        }
    }

    @Test func updatesComeInOrderUpToTheEnd() async throws {
        let (steps, step) = AsyncStream.makeStream(of: Int.self)
        try await working(WorkerOptions()) { job in
            for await percent in steps { try await job.progress(percent, "at \(percent)") }
            return Array("end".utf8)
        } _: { client async throws in
            let submission = try await client.submit("x")
            var seen: [Int] = []
            var last: JobStatus?
            for try await status in submission.updates {
                last = status
                guard status.state == .running else { continue }
                if status.percent > 0 { #expect(status.text == "at \(status.percent)") }
                if seen.last != status.percent { seen.append(status.percent) }
                if status.percent < 90 { step.yield(status.percent + 30) } else { step.finish() }
            }
            #expect(seen == [0, 30, 60, 90])
            #expect(last?.outcome == .done(Array("end".utf8)))
        }
    }

    @Test func failureHasItsReasonAndAttemptsAreTheJobs() async throws {
        struct Tore: JobFailure {
            var reason: String { "the paper tore" }
        }
        let options = WorkerOptions(attempts: 9, backoff: Self.impatient)
        try await working(options) { _ in
            throw Tore()
        } _: { client async throws in
            let submission = try await client.submit("x", PutOptions(attempts: 3))
            #expect(try await submission.outcome == .failed(reason: "the paper tore"))
            #expect(try await submission.status?.attempt == 3)
            #expect(try await client.statistics(ofJob: submission.id).state == .buried)
            // Without a word of the job, the worker's counts.
            let other = try await client.submit("y")
            #expect(try await other.outcome == .failed(reason: "the paper tore"))
            #expect(try await other.status?.attempt == 9)
        }
        try await working(options) { _ in
            throw JobRejected("not today")
        } _: { client async throws in
            #expect(try await client.submit("x").outcome == .failed(reason: "not today"))
        }
    }

    @Test func cancelEndsTheHandler() async throws {
        let (starts, start) = AsyncStream.makeStream(of: Void.self)
        let (ends, end) = AsyncStream.makeStream(of: Bool.self)
        var options = WorkerOptions()
        options.cancellationCheck = .milliseconds(20)
        try await working(options) { _ in
            start.yield()
            try? await workUntilCancelled()
            end.yield(Task.isCancelled)
            return []
        } _: { client async throws in
            let submission = try await client.submit("x", PutOptions(timeToRun: .seconds(1000)))
            for await _ in starts { break }
            #expect(try await submission.cancel() == .cancelled)
            #expect(try await submission.outcome == .cancelled)
            for await wasCancelled in ends {
                #expect(wasCancelled)
                break
            }
            #expect(try await submission.cancel() == .cancelled)
        }
    }

    @Test func workerIsToldOfACancellationOnce() async throws {
        try await connected { client async throws in
            for command in 0..<4 {
                let submission = try await client.submit("x")
                let job = try await client.reserve()
                try await submission.cancel()
                let error = await #expect(throws: ClientError.self) {
                    switch command {
                    case 0: try await job.progress(5)
                    case 1: try await job.finish("x")
                    case 2: try await job.fail("x", retry: .never)
                    default: try await job.touch()
                    }
                }
                #expect(error?.reason == .jobCancelled)
                let again = await #expect(throws: ClientError.self) { try await job.touch() }
                #expect(again?.reason == .jobLost)
            }
        }
    }

    @Test func secondSubmissionWithAKeyIsTheFirst() async throws {
        try await connected { client async throws in
            let key = try #require(Uniqueness(key: "year-2025", rememberedFor: .seconds(60)))
            let first = try await client.submit("x", to: "a", PutOptions(uniqueness: key))
            let second = try await client.submit("y", to: "a", PutOptions(uniqueness: key))
            #expect(first.former == nil)
            #expect(second.id == first.id && second.former == .ready)
            try await client.reserve(from: ["a"]).finish("done")
            let third = try await client.submit("z", to: "a", PutOptions(uniqueness: key))
            #expect(third.id == first.id && third.former == .ended)
            #expect(try await third.outcome == .done(Array("done".utf8)))
        }
        #expect(Uniqueness(key: "no spaces") == nil && Uniqueness(key: "") == nil)
    }

    @Test func waitsEndInTime() async throws {
        try await connected { client async throws in
            let submission = try await client.submit("x")
            #expect(try await submission.outcome(within: .milliseconds(1)) == nil)
            #expect(try await client.wait(for: submission.id, timeout: .zero).state == .waiting)
            for call in 0..<2 {
                let error = await #expect(throws: ClientError.self) {
                    if call == 0 { _ = try await client.wait(for: 999) } else { _ = try await client.cancel(999) }
                }
                #expect(error?.reason == .notFound)
            }
            #expect(try await client.status(of: 999) == nil)
            let error = await #expect(throws: ClientError.self) {
                for try await _ in client.submission(999).updates {}
            }
            #expect(error?.reason == .notFound)
        }
    }

    @Test func whoWaitsCanBeCancelled() async throws {
        try await connected { client async throws in
            let submission = try await client.submit("x")
            let waiting = Task { try await submission.outcome }
            let following = Task { for try await _ in submission.updates {} }
            try await waitUntil { try await client.statistics().number("current-followers") == 2 }
            waiting.cancel()
            following.cancel()
            await #expect(throws: ClientError.self) { try await waiting.value }
            _ = await following.result
            try await waitUntil { try await client.statistics().number("current-followers") == 0 }
        }
    }

    @Test func manyWaitAtATime() async throws {
        try await connected { client async throws in
            let submission = try await client.submit("x")
            try await withThrowingTaskGroup(of: Outcome.self) { group in
                for _ in 0..<200 { group.addTask { try await submission.outcome } }
                try await waitUntil { try await client.statistics().number("current-followers") == 200 }
                try await client.reserve().finish("all")
                for try await outcome in group { #expect(outcome == .done(Array("all".utf8))) }
            }
        }
    }

    @Test func reportsAndReasonsFitIntoTheProtocol() async throws {
        try await connected { client async throws in
            let id = try await client.put("x")
            let job = try await client.reserve()
            try await job.progress(200, "日本\n" + String(repeating: "語", count: 1000))
            let report = try #require(try await client.status(of: id))
            #expect(report.percent == 100 && report.data.count == 400 && report.text.hasPrefix("日本 語"))
            let reason = String(repeating: "語", count: 2000) + "end"
            #expect(try await job.fail(reason, retry: .after(.zero)) == .released)
            let status = try #require(try await client.status(of: id))
            #expect(status.data.count <= 4096 && status.data.count > 4090)
            #expect(reason.hasSuffix(status.text))
        }
    }
}

/// A client whose server is not Talkback.
@Suite(.timeLimit(.minutes(5)))
struct OtherServerTests {
    @Test func bodiesThatItWouldTakeForCommandsAreNotSent() async throws {
        let script: [ScriptedServer.Step] = [
            .expect("state 0\r\n"), .say("UNKNOWN_COMMAND\r\n"), .expect("reserve-with-timeout 0\r\n"),
            .say("RESERVED 7 1\r\nx\r\n"), .expect("touch 7\r\n"), .say("TOUCHED\r\n"), .expect("progress 7 1\r\n"),
            .say("UNKNOWN_COMMAND\r\n"), .expect("delete 7\r\n"), .say("DELETED\r\n"), .silence,
        ]
        try await ScriptedServer.talking([script]) { client async throws in
            var errors: [ClientError?] = []
            errors.append(await #expect(throws: ClientError.self) { try await client.submit("quit\r\n") })
            let job = try await client.reserve()
            errors.append(await #expect(throws: ClientError.self) { try await job.finish("quit\r\n") })
            errors.append(await #expect(throws: ClientError.self) { try await job.fail("quit", retry: .never) })
            try await job.touch()
            errors.append(await #expect(throws: ClientError.self) { try await job.progress(1) })
            try await job.delete()
            for error in errors { #expect(error?.reason == .notUnderstood) }
        }
    }

    @Test func followGoesOnAfterALostConnection() async throws {
        let running = "STATE 7 running 1 0 0 5 1\r\na\r\n"
        try await ScriptedServer.talking([
            [.expect("follow 7 600\r\n"), .say(running), .close],
            [
                .expect("follow 7 600\r\n"), .say(running + "STATE 7 running 1 0 1 6 1\r\nb\r\n"),
                .say("TIMED_OUT\r\n"),
                .expect("follow 7 600\r\n"), .say("STATE 7 done 1 0 0 100 2\r\nok\r\n"), .silence,
            ],
        ]) { client async throws in
            var texts: [String] = []
            for try await status in client.submission(7).updates { texts.append(status.text) }
            #expect(texts == ["a", "b", "ok"])
        }
    }

    @Test func waitGoesOnAfterALostConnection() async throws {
        try await ScriptedServer.talking([
            [.expect("wait 7 600\r\n"), .close],
            [
                .expect("wait 7 600\r\n"), .say("STATE 7 delayed 1 0 0 0 0\r\n\r\n"), .expect("wait 7 600\r\n"),
                .say("STATE 7 failed 1 0 0 0 3\r\nwhy\r\n"), .silence,
            ],
        ]) { client async throws in
            #expect(try await client.submission(7).outcome == .failed(reason: "why"))
        }
    }
}
