// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import TalkbackClient
import Testing

/// The client and a server.
@Suite(.timeLimit(.minutes(5)))
struct ClientTests {
    /// Calls `body` with a client that is connected to a server without jobs.
    private func connected(_ body: (Client) async throws -> Void) async throws {
        try await TestedServer.serving { address in
            let client = try await Client.connect(to: address)
            try await body(client)
            await client.close()
        }
    }

    @Test func jobGoesFromOneEndToTheOther() async throws {
        try await connected { client async throws in
            let id = try await client.put("hello\r\n", into: "a")
            let job = try await client.reserve(from: ["a"])
            #expect(job.id == id)
            #expect(job.text == "hello\r\n")
            try await job.touch()
            try await job.delete()
            await #expect(throws: ClientError.self) { try await job.delete() }
            #expect(try await client.reserve(from: ["a"], timeout: .zero) == nil)
        }
    }

    @Test func bodyMayHaveAnyBytes() async throws {
        try await connected { client async throws in
            let body = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            try await client.put(body)
            try await client.put([])
            let (first, second) = (try await client.reserve(), try await client.reserve())
            #expect(first.body == body)
            #expect(second.body.isEmpty)
            try await first.delete()
            try await second.delete()
        }
    }

    @Test func optionsReachTheServerInWholeSeconds() async throws {
        try await connected { client async throws in
            let id = try await client.put(
                "x", into: "a",
                PutOptions(priority: 7, delay: .milliseconds(99_001), timeToRun: .milliseconds(1)))
            let statistics = try await client.statistics(ofJob: id)
            #expect(statistics.priority == 7)
            #expect(statistics.state == .delayed)
            #expect(statistics.tube == "a")
            #expect(statistics.timeToRun == .seconds(1))
            #expect(statistics.statistics.number("delay") == 100)
        }
    }

    @Test func everyCommandDoesWhatItSays() async throws {
        try await connected { client async throws in
            let first = try await client.put("1", into: "a")
            let second = try await client.put("2", into: "a", PutOptions(delay: .seconds(1000)))
            #expect(try await client.peek(first)?.text == "1")
            #expect(try await client.peek(99) == nil)
            #expect(try await client.peek(.ready, in: "a")?.id == first)
            #expect(try await client.peek(.delayed, in: "a")?.id == second)
            #expect(try await client.peek(.buried, in: "a") == nil)
            let job = try await client.reserveJob(second)
            try await job.bury(priority: 3)
            #expect(try await client.peek(.buried, in: "a")?.id == second)
            #expect(try await client.kick(10, in: "a") == 1)
            #expect(try await client.statistics(of: "a").ready == 2)
            let again = try await client.reserveJob(first)
            try await again.release(priority: 9, delay: .seconds(100))
            try await client.kickJob(first)
            #expect(try await client.statistics(ofJob: first).priority == 9)
            try await client.pause("a", for: .seconds(100))
            #expect(try await client.reserve(from: ["a"], timeout: .zero) == nil)
            #expect(try await client.statistics(of: "a").pauseLeft > .seconds(90))
            try await client.pause("a", for: .zero)
            try await client.delete(first)
            try await client.delete(second)
            #expect(try await client.statistics().number("cmd-delete") == 2)
            #expect(try await client.tubes().contains("default"))
        }
    }

    @Test func absentThingsHaveTheirError() async throws {
        try await connected { client async throws in
            for attempt in [
                { try await client.delete(9) }, { _ = try await client.statistics(ofJob: 9) },
                { _ = try await client.statistics(of: "none") }, { try await client.kickJob(9) },
                { _ = try await client.reserveJob(9) }, { try await client.pause("none", for: .seconds(1)) },
            ] as [() async throws -> Void] {
                let error = await #expect(throws: ClientError.self) { try await attempt() }
                #expect(error?.reason == .notFound)
            }
        }
    }

    @Test func waitingReserveStopsNobody() async throws {
        try await connected { client async throws in
            async let job = client.reserve(from: ["later"])
            for _ in 0..<100 { try await client.put("x", into: "other") }
            let id = try await client.put("now", into: "later")
            let reserved = try await job
            #expect(reserved.id == id)
            try await reserved.delete()
        }
    }

    @Test func manyTasksShareOneConnection() async throws {
        try await connected { client async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        for _ in 0..<20 {
                            try await client.put("x", into: "a")
                            let job = try await client.reserve(from: ["a"])
                            try await job.delete()
                        }
                    }
                }
                try await group.waitForAll()
            }
            let statistics = try await client.statistics()
            #expect(statistics.number("total-jobs") == 2000)
            #expect(statistics.number("cmd-delete") == 2000)
            #expect(statistics.number("current-jobs-ready") == 0)
        }
    }

    @Test func reserveIsOverAtItsTime() async throws {
        try await connected { client async throws in
            let start = ContinuousClock.now
            #expect(try await client.reserve(from: ["a"], timeout: .milliseconds(500)) == nil)
            // The protocol counts in seconds.
            #expect(start.duration(to: .now) >= .seconds(1))
        }
    }

    @Test func cancelledReserveLosesNoJob() async throws {
        try await connected { client async throws in
            for _ in 0..<50 {
                let task = Task { try await client.reserve(from: ["a"]) }
                async let id = client.put("x", into: "a")
                task.cancel()
                let job: ReservedJob
                if let reserved = try? await task.value {
                    job = reserved
                } else {
                    job = try await client.reserve(from: ["a"])
                }
                let expected = try await id
                #expect(job.id == expected)
                try await job.delete()
            }
        }
    }

    @Test func jobThatIsLetGoGoesBack() async throws {
        try await connected { client async throws in
            let id = try await client.put("x", into: "a", PutOptions(priority: 5, timeToRun: .seconds(1000)))
            do { _ = try await client.reserve(from: ["a"]) }
            let job = try await client.reserve(from: ["a"])
            #expect(job.id == id)
            let priority = try await job.statistics().priority
            #expect(priority == 5)
            try await client.delete(id)
        }
    }

    @Test func lateCommandOnAJobSaysSo() async throws {
        try await connected { client async throws in
            try await client.put("x", into: "a", PutOptions(timeToRun: .seconds(1)))
            let job = try await client.reserve(from: ["a"])
            let other = try await client.reserve(from: ["a"])
            #expect(job.id == other.id)
            try await other.delete()
            let error = await #expect(throws: ClientError.self) { try await job.touch() }
            #expect(error?.reason == .notFound || error?.reason == .jobLost)
        }
    }

    @Test func closedClientSaysSo() async throws {
        try await connected { client async throws in
            try await client.put("x")
            let job = try await client.reserve()
            let waiting = Task { try await client.reserve(from: ["none"]) }
            await client.close()
            let waited = await #expect(throws: ClientError.self) { _ = try await waiting.value }
            #expect(waited?.reason == .closed)
            let touched = await #expect(throws: ClientError.self) { try await job.touch() }
            #expect(touched?.reason == .closed)
            let put = await #expect(throws: ClientError.self) { try await client.put("x") }
            #expect(put?.reason == .closed)
        }
    }

    @Test(arguments: [
        ("a-b.c", true), ("", false), ("a b", false), ("-a", false), (String(repeating: "x", count: 200), true),
        (String(repeating: "x", count: 201), false),
    ])
    func tubesAreChecked(name: String, isTube: Bool) {
        #expect((Tube(name) != nil) == isTube)
    }

    @Test(
        arguments: [
            ("127.0.0.1:11300", "127.0.0.1:11300"), ("[::1]:1", "[::1]:1"), ("unix:/a/b", "unix:/a/b"),
            ("localhost:99", "localhost:99"), ("queue.example:1", "queue.example:1"), ("localhost", nil), (":1", nil),
            ("a:99999", nil), ("::1:5", nil), ("unix:", nil), ("a b:1", nil),
        ] as [(String, String?)])
    func addressesAreParsed(text: String, description: String?) {
        #expect(ServerAddress(parsing: text)?.description == description)
    }
}
