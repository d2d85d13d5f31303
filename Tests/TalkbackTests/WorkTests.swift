// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TalkbackClient
import TestSupport
import Testing

/// `talkback work` and `talkback serve --run`, which run a command for each job; `talkback failed` and `talkback retry`.
@Suite(.timeLimit(.minutes(5)))
final class WorkTests {
    private let folder = TemporaryFolder()

    /// A daemon and a client of it.
    private func serving(
        _ options: [String] = [], _ body: (Program, String, Client) async throws -> Void
    ) async throws {
        let server = try Program("talkback", ["serve", "--memory", "--listen", "127.0.0.1:0"] + options)
        let address = try server.address()
        let client = try await Client.connect(to: ServerAddress(address))
        try await body(server, "\(address)", client)
        await client.close()
        if server.isRunning { _ = server.end() }
    }

    private func work(_ address: String, _ options: [String] = [], _ command: String...) throws -> Program {
        try Program(
            "talkback",
            ["work", "--address", address, "--tube", "a", "--backoff", "0", "--failures", folder.file("failures")]
                + options + ["--"] + command)
    }

    /// Waits until a tube has no jobs but buried ones.
    private func waitUntilDone(_ client: Client) async throws {
        try await waitUntil {
            let statistics = try await client.statistics(of: "a")
            return statistics.ready + statistics.reserved + statistics.delayed == 0
        }
    }

    private func text(_ name: String) -> String? { try? String(contentsOfFile: folder.file(name), encoding: .utf8) }

    private func isAlive(_ process: String?) throws -> Bool {
        let number = try #require(process.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
        // One that has ended may be there still, for a parent that does not ask for it.
        let status = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)
        return status.map { !$0.contains(") Z ") } ?? false
    }

    // MARK: What the command gets

    @Test func commandGetsTheBodyAndTheVariables() async throws {
        try await serving { _, address, client in
            let file = folder.file("out")
            let id = try await client.put("a body\r\n", into: "a")
            let worker = try work(
                address, [], "sh", "-c",
                "cat > \(file); echo $TALKBACK_JOB_ID $TALKBACK_TUBE $TALKBACK_ATTEMPT >> \(file)")
            try await waitUntilDone(client)
            #expect(text("out") == "a body\r\n\(id) a 1\n")
            #expect(try await client.statistics(of: "a").deleted == 1)
            #expect(worker.end().status == 0)
        }
    }

    @Test func bodyNeedNotBeRead() async throws {
        try await serving { _, address, client in
            let body = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<10 { try await client.put(body, into: "a") }
            let worker = try work(address, ["--concurrency", "3"], "true")
            try await waitUntilDone(client)
            #expect(try await client.statistics(of: "a").deleted == 10)
            #expect(worker.end().status == 0)
        }
    }

    @Test func bodyArrivesByteForByte() async throws {
        try await serving { _, address, client in
            let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await client.put(body, into: "a")
            let worker = try work(address, [], "cp", "/dev/stdin", folder.file("copy"))
            try await waitUntilDone(client)
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("copy"))).elementsEqual(body))
            #expect(worker.end().status == 0)
        }
    }

    @Test func manyRunAtATime() async throws {
        try await serving { _, address, client in
            for _ in 0..<1500 { try await client.put("x", into: "a") }
            let worker = try work(address, ["--concurrency", "700"], "true")
            try await waitUntilDone(client)
            #expect(try await client.statistics(of: "a").deleted == 1500)
            #expect(worker.end().status == 0)
        }
    }

    @Test func variablesAreTheJobsOwn() async throws {
        try await serving { _, address, client in
            let id = try await client.put("x", into: "a")
            let file = folder.file("id")
            let worker = try Program(
                at: Program.path(of: "talkback"),
                [
                    "work", "--address", address, "--tube", "a", "--", "awk",
                    "BEGIN { print ENVIRON[\"TALKBACK_JOB_ID\"] > \"\(file)\" }",
                ],
                ["TALKBACK_JOB_ID": "999"])
            try await waitUntilDone(client)
            #expect(text("id") == "\(id)\n")
            _ = worker.end()
        }
    }

    @Test func standardInputCannotBeWrittenTo() async throws {
        try await serving { _, address, client in
            try await client.put("x", into: "a")
            let worker = try work(address, ["--attempts", "1"], "sh", "-c", "echo y >&0")
            try await waitUntilDone(client)
            #expect(try await client.statistics(of: "a").buried == 1)
            _ = worker.end()
        }
    }

    @Test func commandInheritsNothingElse() async throws {
        try await serving { _, address, client in
            try await client.put("x", into: "a")
            let script = """
                ls -l /proc/self/fd > \(folder.file("fds")); ps -o pgid= -p $$ > \(folder.file("group"))
                echo $$ >> \(folder.file("group"))
                exec grep -E "Sig(Blk|Ign)" /proc/self/status > \(folder.file("signals"))
                """
            let worker = try work(address, [], "sh", "-c", script)
            try await waitUntilDone(client)
            // Its three, and the folder that ls reads.
            #expect(text("fds")?.split(separator: "\n").filter { $0.contains(" -> ") }.count == 4)
            for line in try #require(text("signals")).split(separator: "\n") {
                let mask = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
                // The C library keeps 32 and 33 for itself.
                #expect(mask & 0x7FFF_FFFF == 0, "\(line)")
            }
            let numbers = try #require(text("group")).split(whereSeparator: \.isWhitespace)
            #expect(numbers.count == 2 && numbers[0] == numbers[1])
            #expect(worker.end().status == 0)
        }
    }

    // MARK: How it ends

    @Test(arguments: [("exit 3", "exit status 3"), ("kill -9 $$", "ended by signal 9")])
    func failedCommandIsTriedAgainAndItsJobBuried(script: String, summary: String) async throws {
        try await serving { _, address, client in
            let id = try await client.put("x", into: "a", PutOptions(priority: 7))
            let attempts = folder.file("attempts")
            let worker = try work(
                address, ["--attempts", "3"], "sh", "-c",
                "echo $TALKBACK_ATTEMPT >> \(attempts); echo first >&2; echo why >&2; \(script)")
            try await waitUntilDone(client)
            #expect(text("attempts") == "1\n2\n3\n")
            let job = try await client.statistics(ofJob: id)
            #expect(job.state == .buried)
            #expect(job.priority == 7)
            let failed = try Program("talkback", "failed", "--address", address, "--failures", folder.file("failures"))
                .outcome()
            #expect(failed.status == 0)
            #expect(failed.output.hasPrefix("\(id)  a  3 attempts  \(summary) at 2"), "\(failed)")
            #expect(failed.output.hasSuffix("\n    first\n    why\n"), "\(failed)")
            let json = try Program(
                "talkback", "failed", "--json", "--address", address, "--failures", folder.file("failures")
            ).outcome()
            #expect(json.output.contains("\"errors\":\"first\\nwhy\""), "\(json)")
            #expect(worker.end().errors.contains("first\\nwhy"))
        }
    }

    @Test func failedJobIsRetriedOnDemand() async throws {
        try await serving { _, address, client in
            let id = try await client.put("x", into: "a")
            let flag = folder.file("flag")
            let worker = try work(address, ["--attempts", "1"], "test", "-e", flag)
            try await waitUntil { try await client.statistics(of: "a").buried == 1 }
            _ = FileManager.default.createFile(atPath: flag, contents: nil)
            let arguments = ["--address", address]
            #expect(try Program("talkback", ["retry", "\(id)"] + arguments).outcome().status == 0)
            try await waitUntil { try await client.statistics(of: "a").deleted == 1 }
            let again = try Program("talkback", ["retry", "\(id)"] + arguments).outcome()
            #expect(again.status == 2)
            #expect(again.errors.contains("retry job \(id): there is none"))
            let failed = try Program("talkback", ["failed", "--failures", folder.file("failures")] + arguments)
                .outcome()
            #expect(failed.status == 2)
            #expect(failed.output.isEmpty)
            _ = worker.end()
        }
    }

    @Test func endOfTheErrorsIsKeptHoweverLongTheyAre() async throws {
        try await serving { _, address, client in
            try await client.put("x", into: "a")
            let worker = try work(
                address, ["--attempts", "1"], "sh", "-c",
                "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1")
            try await waitUntilDone(client)
            let failed = try Program(
                "talkback", "failed", "--json", "--address", address, "--failures", folder.file("failures")
            ).outcome()
            #expect(failed.output.contains("xthe end\""))
            #expect(failed.output.utf8.count < 9000)
            _ = worker.end()
        }
    }

    @Test func timeLimitEndsTheWholeGroup() async throws {
        try await serving { _, address, client in
            try await client.put("x", into: "a")
            let child = folder.file("child")
            let worker = try work(
                address, ["--attempts", "1", "--timeout", "4"], "sh", "-c",
                "sleep 1000 & echo $! > \(child); trap '' TERM; wait; sleep 1000")
            try await waitUntil { try await client.statistics(of: "a").buried == 1 }
            #expect(try !isAlive(text("child")))
            #expect(worker.end().errors.contains("over the time limit"))
        }
    }

    @Test func longCommandKeepsItsJob() async throws {
        try await serving { _, address, client in
            try await client.put("x", into: "a", PutOptions(timeToRun: .seconds(1)))
            let worker = try work(
                address, ["--concurrency", "2"], "sh", "-c", "echo >> \(folder.file("runs")); sleep 2.5")
            try await waitUntilDone(client)
            #expect(text("runs") == "\n")
            _ = worker.end()
        }
    }

    // MARK: Stopping

    @Test func firstSignalLetsCommandsFinish() async throws {
        try await serving { _, address, client in
            for _ in 0..<2 { try await client.put("x", into: "a") }
            let script = """
                echo > \(folder.file("started")); until test -e \(folder.file("flag")); do sleep 0.01; done
                echo >> \(folder.file("done"))
                """
            let worker = try work(address, [], "sh", "-c", script)
            try await waitUntil { text("started") != nil }
            worker.send(SIGTERM)
            while !worker.errorLine().contains("stopping") {}
            _ = FileManager.default.createFile(atPath: folder.file("flag"), contents: nil)
            #expect(worker.outcome().status == 0)
            #expect(text("done") == "\n")
            #expect(try await client.statistics(of: "a").ready == 1)
        }
    }

    @Test func secondSignalHandsJobsBack() async throws {
        try await serving { _, address, client in
            let id = try await client.put("x", into: "a")
            let worker = try work(address, [], "sh", "-c", "echo $$ > \(folder.file("process")); exec sleep 1000")
            try await waitUntil { text("process")?.hasSuffix("\n") == true }
            worker.send(SIGTERM)
            worker.send(SIGINT)
            #expect(worker.outcome().status == 0)
            #expect(try !isAlive(text("process")))
            let job = try await client.statistics(ofJob: id)
            #expect(job.state == .ready)
            #expect(job.statistics.number("releases") == 1)
        }
    }

    @Test func nothingOutlivesAKilledWorker() async throws {
        try await serving { _, address, client in
            let id = try await client.put("x", into: "a")
            let worker = try work(address, [], "sh", "-c", "sleep 1000 & echo $! > \(folder.file("process")); wait")
            try await waitUntil { text("process")?.hasSuffix("\n") == true }
            worker.send(SIGKILL)
            try await waitUntil { try !isAlive(text("process")) }
            try await waitUntil { try await client.statistics(ofJob: id).state == .ready }
        }
    }

    @Test func killedLauncherIsReplaced() async throws {
        try await serving { _, address, client in
            try await client.put("x", into: "a")
            let worker = try work(
                address, [], "sh", "-c",
                "echo $$ >> \(folder.file("processes")); ps -o ppid= -p $$ > \(folder.file("launcher")); test -e \(folder.file("flag")) || exec sleep 1000"
            )
            try await waitUntil { text("launcher")?.hasSuffix("\n") == true }
            _ = FileManager.default.createFile(atPath: folder.file("flag"), contents: nil)
            let launcher = try #require(text("launcher")).trimmingCharacters(in: .whitespacesAndNewlines)
            kill(try #require(Int32(launcher)), SIGKILL)
            try await waitUntil { try await client.statistics(of: "a").deleted == 1 }
            let first = text("processes")?.split(separator: "\n").first.map(String.init)
            #expect(try !isAlive(first))
            #expect(worker.end().status == 0)
        }
    }

    // MARK: serve --run

    @Test func daemonRunsCommands() async throws {
        let out = folder.file("out")
        let run = "a:2=sh -c 'echo \"$(cat)\" >> \(out)'"
        try await serving(["--run", run]) { server, _, client in
            for index in 0..<5 { try await client.put("\(index)", into: "a") }
            try await waitUntil { try await client.statistics(of: "a").deleted == 5 }
            #expect(Set(try #require(text("out")).split(separator: "\n")) == ["0", "1", "2", "3", "4"])
            #expect(server.end().status == 0)
        }
    }

    @Test func daemonWaitsForItsCommands() async throws {
        let run = "a=sh -c 'echo > \(folder.file("started")); sleep 0.3; echo > \(folder.file("done"))'"
        try await serving(["--run", run]) { server, _, client in
            try await client.put("x", into: "a")
            try await waitUntil { text("started") != nil }
            #expect(server.end().status == 0)
            #expect(text("done") == "\n")
        }
    }

    @Test func killedWorkerOfTheDaemonIsStartedAgain() async throws {
        let run = "a=sh -c 'ps -o ppid= -p $PPID >> \(folder.file("workers"))'"
        try await serving(["--run", run]) { server, _, client in
            try await client.put("x", into: "a")
            try await waitUntil { try await client.statistics(of: "a").deleted == 1 }
            let worker = try #require(text("workers")).trimmingCharacters(in: .whitespacesAndNewlines)
            kill(try #require(Int32(worker)), SIGKILL)
            try await client.put("x", into: "a")
            try await waitUntil { try await client.statistics(of: "a").deleted == 2 }
            #expect(server.end().errors.contains("a worker has ended and is started again"))
        }
    }

    @Test func nothingOutlivesAKilledDaemon() async throws {
        let run = "a=sh -c 'echo $$ > \(folder.file("process")); exec sleep 1000'"
        try await serving(["--run", run]) { server, _, client in
            try await client.put("x", into: "a")
            try await waitUntil { text("process")?.hasSuffix("\n") == true }
            server.send(SIGKILL)
            try await waitUntil { try !isAlive(text("process")) }
        }
    }

    // MARK: Mistakes

    @Test(
        arguments: [
            (["work", "--", "no-such-program-here"], 1, "no such program in PATH"), (["work"], 64, "<command>"),
            (["work", "--concurrency", "0", "--", "true"], 64, "--concurrency"),
            (["work", "--tube", "a b", "--", "true"], 64, "a b"),
            (["work", "--attempts", "0", "--", "true"], 64, "--attempts"),
            (["work", "--backoff", "5:1", "--", "true"], 64, "5:1"),
            (["work", "--timeout", "0", "--", "true"], 64, "--timeout"),
            (["work", "--address", "nowhere", "--", "true"], 64, "nowhere"),
            (
                ["serve", "--memory", "--listen", "127.0.0.1:0", "--run", "a=no-such-program-here"], 1,
                "no such program in PATH"
            ),
            (["serve", "--memory", "--run", "a b=true"], 64, "a b=true"),
            (["serve", "--memory", "--run", "a:0=true"], 64, "a:0=true"),
            (["serve", "--memory", "--run", "a"], 64, "--run"), (["serve", "--memory", "--run", "a='b"], 64, "a='b"),
            (["failed", "--address", "127.0.0.1:1"], 1, "Connection refused"), (["retry", "x"], 64, "x"),
            (["retry"], 64, "id"),
        ] as [([String], Int32, String)])
    func mistakeIsExplained(arguments: [String], status: Int32, message: String) throws {
        let outcome = try Program("talkback", arguments).outcome()
        #expect(outcome.status == status, "\(outcome)")
        #expect(outcome.errors.contains(message), "\(outcome)")
    }
}
