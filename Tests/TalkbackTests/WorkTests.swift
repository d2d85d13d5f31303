// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TalkbackClient
import TestSupport
import Testing

/// `talkback work` and `talkback serve --run`, which run a command for each job; `talkback failed` and
/// `talkback retry`.
@Suite(.blocking, .timeLimit(.minutes(5)))
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
                ls -l /proc/self/fd > \(folder.file("fds")); cat /proc/$$/stat > \(folder.file("status"))
                exec grep -E "Sig(Blk|Ign)" /proc/self/status > \(folder.file("signals"))
                """
            let worker = try work(address, [], "sh", "-c", script)
            try await waitUntilDone(client)
            // Its three, the one for progress, and the folder that ls reads.
            #expect(text("fds")?.split(separator: "\n").filter { $0.contains(" -> ") }.count == 5)
            for line in try #require(text("signals")).split(separator: "\n") {
                let mask = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
                // The C library keeps 32 and 33 for itself.
                #expect(mask & 0x7FFF_FFFF == 0, "\(line)")
            }
            let status = try #require(ProcessStatus(text("status")))
            #expect(status.group == status.id)
            #expect(worker.end().status == 0)
        }
    }

    // MARK: How it ends

    @Test(arguments: [("exit 3", "exit status 3"), ("kill -9 $$", "ended by signal 9 (SIGKILL)")])
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

    // MARK: What comes out

    @Test func outputIsTheResult() async throws {
        try await serving { _, address, client in
            let worker = try work(address, [], "sh", "-c", "cat; printf '\\0\\r\\n'; echo not this >&2")
            let outcome = try await client.submit("abc", to: "a").outcome
            #expect(outcome == .done(Array("abc\0\r\n".utf8)))
            let end = worker.end()
            #expect(end.output.isEmpty && end.errors.contains("not this"))
        }
    }

    @Test func largestOutputIsAResultAndMoreIsAFailure() async throws {
        try await serving { _, address, client in
            let worker = try work(address, [], "sh", "-c", "head -c $(cat) /dev/zero")
            let largest = try await client.submit("1048576", to: "a").outcome
            #expect(largest == .done([UInt8](repeating: 0, count: 1 << 20)))
            let more = try await client.submit("3000000", to: "a").outcome
            #expect(
                more
                    == .failed(reason: "its standard output has 3000000 bytes; a result has at most 1048576"))
            _ = worker.end()
        }
    }

    @Test func outputCanBeInherited() async throws {
        try await serving { _, address, client in
            let worker = try work(address, ["--output", "inherit"], "sh", "-c", "echo here")
            #expect(try await client.submit("x", to: "a").outcome == .done([]))
            #expect(worker.end().output == "here\n")
        }
    }

    @Test func lastErrorsAreTheReason() async throws {
        try await serving { _, address, client in
            let worker = try work(address, ["--attempts", "2"], "sh", "-c", "echo first >&2; echo why >&2; exit 3")
            let submission = try await client.submit("x", to: "a")
            #expect(try await submission.outcome == .failed(reason: "first\nwhy"))
            #expect(try await submission.status?.attempt == 2)
            // Where nothing is known but what the server knows.
            let failed = try Program(
                "talkback", "failed", "--address", address, "--failures", folder.file("elsewhere")
            ).outcome()
            #expect(failed.output == "\(submission.id)  a  2 attempts  first\n    why\n", "\(failed)")
            let silent = try work(address, ["--tube", "b"], "sh", "-c", "exit 4")
            #expect(
                try await client.submit("x", to: "b", PutOptions(attempts: 1)).outcome
                    == .failed(reason: "exit status 4"))
            _ = (worker.end(), silent.end())
        }
    }

    @Test(arguments: [
        "echo '42% page 3  of 7' >&$TALKBACK_PROGRESS_FD", "echo '42.9 page 3 of 7' >&3",
        "talkback progress 42 page 3 of 7", "talkback progress 42 'page 3 of 7'",
        "echo nonsense >&3; echo '101% x' >&3; echo 42 page 3 of 7 >&3; printf 50 >&3",
    ])
    func commandTellsHowFarItIs(script: String) async throws {
        try await serving { _, address, client in
            let path = try #require(ProcessInfo.processInfo.environment["PATH"])
            let programs = Program.path(of: "")
            let flag = folder.file("flag")
            let worker = try work(
                address, [], "sh", "-c",
                "PATH=\(programs):\(path); \(script); until test -e \(flag); do sleep 0.01; done; echo end")
            var last: JobStatus?
            for try await status in try await client.submit("x", to: "a").updates {
                last = status
                guard status.percent == 42 else { continue }
                #expect(status.text == "page 3 of 7")
                _ = FileManager.default.createFile(atPath: flag, contents: nil)
            }
            #expect(last?.outcome == .done(Array("end\n".utf8)))
            #expect(worker.end().status == 0)
        }
    }

    @Test func reportsThatComeTooFastDoNoHarm() async throws {
        try await serving { _, address, client in
            let flag = folder.file("flag")
            let flood = "yes '7% busy' | head -n 200000 >&3; echo '99% last' >&3; echo end"
            let worker = try work(address, [], "sh", "-c", "until test -e \(flag); do sleep 0.01; done; \(flood)")
            var last: JobStatus?
            var before: JobStatus?
            for try await status in try await client.submit("x", to: "a").updates {
                (before, last) = (last, status)
                _ = FileManager.default.createFile(atPath: flag, contents: nil)
            }
            #expect(last?.outcome == .done(Array("end\n".utf8)))
            #expect(before?.percent == 99 && before?.text == "last", "\(String(describing: before))")
            _ = worker.end()
        }
    }

    @Test func cancelEndsTheWholeGroup() async throws {
        try await serving { _, address, client in
            let worker = try work(
                address, [], "sh", "-c", "sleep 1000 & echo $! > \(folder.file("child")); wait; echo never")
            let submission = try await client.submit("x", to: "a", PutOptions(timeToRun: .seconds(1000)))
            try await waitUntil { text("child")?.hasSuffix("\n") == true }
            let cancel = try Program("talkback", "cancel", "\(submission.id)", "--address", address).outcome()
            #expect(cancel.status == 0, "\(cancel)")
            #expect(try await submission.outcome == .cancelled)
            try await waitUntil { try !isAlive(text("child")) }
            // The worker goes on.
            let next = try await client.submit("y", to: "a")
            try await waitUntil { try await next.status?.state == .running }
            try await next.cancel()
            #expect(worker.end().errors.contains("cancelled"))
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
                "echo $$ >> \(folder.file("processes")); cat /proc/$$/stat > \(folder.file("status")); "
                    + "test -e \(folder.file("flag")) || exec sleep 1000"
            )
            try await waitUntil { text("status")?.hasSuffix("\n") == true }
            _ = FileManager.default.createFile(atPath: folder.file("flag"), contents: nil)
            let launcher = try #require(ProcessStatus(text("status"))).parent
            // One that still runs may not have told the worker yet what it has started.
            try await waitUntil { ProcessStatus(of: launcher)?.isSleeping == true }
            kill(launcher, SIGKILL)
            try await waitUntil { try await client.statistics(of: "a").deleted == 1 }
            let first = text("processes")?.split(separator: "\n").first.map(String.init)
            // The worker's signal may take longer than the second attempt.
            try await waitUntil { try !isAlive(first) }
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
        let run = "a=sh -c 'cat /proc/$PPID/stat > \(folder.file("launcher"))'"
        try await serving(["--run", run]) { server, _, client in
            try await client.put("x", into: "a")
            try await waitUntil { try await client.statistics(of: "a").deleted == 1 }
            // The command's parent is the launcher, and the launcher's the worker.
            kill(try #require(ProcessStatus(text("launcher"))).parent, SIGKILL)
            try await client.put("x", into: "a")
            try await waitUntil { try await client.statistics(of: "a").deleted == 2 }
            #expect(server.end().errors.contains("a worker was lost and is started again"))
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
            (["work", "--output", "away", "--", "true"], 64, "away"), (["progress", "101"], 64, "<percent>"),
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
