// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TalkbackClient
import TestSupport
import Testing

/// What is said of a command of `talkback work` that fails, and what becomes of its job.
@Suite(.blocking, .timeLimit(.minutes(5)))
final class FailureTests {
    private let folder = TemporaryFolder()

    /// A daemon and a client of it.
    private func serving(_ body: (String, Client) async throws -> Void) async throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        let client = try await Client.connect(to: ServerAddress(address))
        try await body("\(address)", client)
        await client.close()
        _ = server.end()
    }

    private func work(_ address: String, _ options: [String] = [], _ command: String...) throws -> Program {
        try Program(
            "talkback",
            ["work", "--address", address, "--backoff", "0", "--failures", folder.file("failures")] + options + ["--"]
                + command)
    }

    private func failed(_ address: String, _ options: String...) throws -> Program.Outcome {
        try Program(
            "talkback", ["failed", "--address", address, "--failures", folder.file("failures")] + options
        ).outcome()
    }

    /// The commands for a shell that replaces itself, and why they fail.
    private static let reasons: [(script: String, reason: String)] = [
        ("exit 3", "exit status 3"),
        ("echo why >&2; exit 3", "why"),
        ("echo why; exit 3", "why"),
        (#"printf '  \n\n' >&2; printf '\n why \n\n'; exit 3"#, "why"),
        ("echo result; echo why >&2; exit 3", "why"),
        ("echo result; echo why >&2; kill -SEGV $$", "ended by signal 11 (SIGSEGV): why"),
        ("echo half; kill -ABRT $$", "ended by signal 6 (SIGABRT): half"),
        ("kill -KILL $$", "ended by signal 9 (SIGKILL); the system kills so what takes too much memory"),
        (
            "exit 255",
            "exit status 255, and nothing on standard error or output: PHP's display_errors and log_errors may be off"
        ),
        // PHP with display_errors=1 and a word of its own on standard error; with display_errors=stderr and a log
        // there, too.
        (
            #"echo starts >&2; printf 'half\n\nFatal error: no paper in a.php:1\nStack trace:\n#0 {main}\n'; exit 255"#,
            "starts\nFatal error: no paper in a.php:1\nStack trace:\n#0 {main}"
        ),
        (
            #"printf 'PHP Fatal error:  no paper\nline 2\nFatal error: no paper\nline 2\n' >&2; exit 255"#,
            "Fatal error: no paper\nline 2"
        ),
        (
            #"printf 'PHP Fatal error:  no paper\n' >&2; printf '\nFatal error: no paper\n'; exit 255"#,
            "PHP Fatal error:  no paper"
        ),
        (
            #"printf '<br />\n<b>Fatal error</b>:  no paper in <b>a.php</b> on line <b>1</b><br />\n'; exit 255"#,
            "Fatal error: no paper in a.php on line 1"
        ),
        // More than is kept: whole lines, and else whole characters.
        (
            "i=0; while [ $i -lt 400 ]; do echo 'a line of some words'; i=$((i+1)); done; exit 1",
            Array(repeating: "a line of some words", count: 195).joined(separator: "\n")
        ),
        ("head -c 2000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1", "the end"),
        (
            "head -c 3000000 /dev/zero | tr '\\0' x >&2; printf é >&2; exit 1",
            String(repeating: "x", count: 4094) + "é"
        ),
        (
            "{ printf x; i=0; while [ $i -lt 5000 ]; do printf é; i=$((i+1)); done; printf x; } >&2; exit 1",
            String(repeating: "é", count: 2047) + "x"
        ),
    ]

    @Test func reasonIsWhatAPersonNeeds() async throws {
        try await serving { address, client in
            let worker = try work(address, ["--attempts", "1", "--concurrency", "4"], "sh", "-c", "exec sh /dev/stdin")
            for (script, reason) in Self.reasons {
                let outcome = try await client.submit(script).outcome
                #expect(outcome == .failed(reason: FailureReason(reason)), "\(script)")
            }
            _ = worker.end()
        }
    }

    @Test func reasonIsShownWhileTheNextAttemptIsWaitedFor() async throws {
        try await serving { address, client in
            let worker = try work(address, ["--backoff", "1000"], "sh", "-c", "echo no paper; exit 3")
            let submission = try await client.submit("x")
            try await waitUntil { try await submission.status?.state == .delayed }
            let status = try #require(try await submission.status)
            #expect(status.reason == "no paper" && status.outcome == nil)
            let line = try Program("talkback", "status", "\(submission.id)", "--address", address).outcome()
            #expect(line.output.hasPrefix("\(submission.id)  delayed  no paper  "), "\(line)")
            _ = worker.end()
        }
    }

    @Test func commandThatIsNotThereAnyMoreHasFailed() async throws {
        let program = folder.file("task")
        func write(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: program))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        }
        try write("#!/no/such/interpreter\n")
        try await serving { address, client in
            let worker = try work(address, ["--attempts", "1"], program)
            let outcome = try await client.submit("x").outcome
            #expect(
                outcome
                    == .failed(
                        reason: "start \(program): No such file or directory, it or something that it needs"),
                "\(String(describing: outcome))")
            try FileManager.default.removeItem(atPath: program)
            let second = try await client.submit("x").outcome
            #expect(second == .failed(reason: "start \(program): there is no such file"))
            // For a moment only.
            let third = try await client.submit("x")
            try write("#!/bin/sh\necho done\n")
            #expect(try await third.outcome == .done(Array("done\n".utf8)))
            _ = worker.end()
        }
    }

    // MARK: Bytes

    /// "The disk is full" in GBK, and what a terminal would act on.
    private static let bytes: [UInt8] = [
        0xB4, 0xC5, 0xC5, 0xCC, 0xC2, 0xFA, 0x1B, 0x5B, 0x32, 0x4A, 0x9B, 0x0A, 0xC2, 0x9B, 0x21,
    ]
    private static let octal = #"\264\305\305\314\302\372\033[2J\233\n\302\233!"#

    @Test func reasonsAreBytesAndAreShownAsText() async throws {
        try await serving { address, client in
            let worker = try work(address, ["--attempts", "1"], "sh", "-c", "printf '\(Self.octal)\\n' >&2; exit 1")
            let submission = try await client.submit("x")
            #expect(try await submission.outcome == .failed(reason: FailureReason(Self.bytes)))
            #expect(try await submission.status?.data == Self.bytes)

            let base64 = Data(Self.bytes).base64EncodedString()
            let elsewhere = try Program(
                "talkback", "failed", "--json", "--address", address, "--failures", folder.file("none")
            ).outcome()
            for json in [
                try failed(address, "--json"), elsewhere,
                try Program("talkback", "status", "\(submission.id)", "--json", "--address", address).outcome(),
            ] {
                #expect(json.output.contains("\"base64\":\"\(base64)\""), "\(json)")
                #expect(json.output.contains("\\u009b!") && !json.output.contains("\u{9B}"), "\(json)")
            }
            let wait = try Program("talkback", "submit", "y", "--wait", "--address", address).outcome()
            for shown in [
                try failed(address).output, wait.errors,
                try Program("talkback", "status", "\(submission.id)", "--address", address).outcome().output,
            ] {
                #expect(shown.contains("\u{FFFD}\\u{1b}[2J"), "\(shown)")
                #expect(
                    shown.contains("\\u{9b}!") && !shown.contains("\u{1B}") && !shown.contains("\u{9B}"), "\(shown)")
            }
            let log = worker.end().errors
            #expect(log.contains("\\u{1b}[2J") && !log.contains("\u{1B}"), "\(log)")
        }
    }

    @Test(arguments: [
        "printf '42%% \\264\\305  \\305\\314\\n' >&3",
        "talkback progress 42 \"$(printf '\\264\\305')\" \"$(printf '\\305\\314')\"",
    ])
    func textsAreBytes(script: String) async throws {
        try await serving { address, client in
            let path = try #require(ProcessInfo.processInfo.environment["PATH"])
            let flag = folder.file("flag")
            let worker = try work(
                address, [], "sh", "-c",
                "PATH=\(Program.path(of: "")):\(path); \(script); "
                    + "until test -e \(flag); do sleep 0.01; done; printf '\\264\\305'"
            )
            let submission = try await client.submit("x")
            try await waitUntil { try await submission.status?.percent == 42 }
            #expect(try await submission.status?.data == [0xB4, 0xC5, 0x20, 0xC5, 0xCC])
            _ = FileManager.default.createFile(atPath: flag, contents: nil)
            #expect(try await submission.outcome == .done([0xB4, 0xC5]))
            #expect(worker.end().status == 0)
        }
    }

    // MARK: Statuses with a meaning

    struct Case: Sendable {
        let options: [String]
        let status: Int
        let attempts: Int
        /// Of the log: what is in it of an attempt that is not the last, and what not.
        let log: String
        let notInLog: String
    }

    @Test(arguments: [
        Case(options: [], status: 65, attempts: 1, log: "failed for good", notInLog: "next attempt"),
        Case(options: [], status: 75, attempts: 3, log: "postponed", notInLog: "warning"),
        Case(options: [], status: 64, attempts: 3, log: "warning", notInLog: "postponed"),
        Case(
            options: ["--bury-status", "3,64"], status: 64, attempts: 1, log: "failed for good",
            notInLog: "next attempt"),
        Case(options: ["--bury-status", "3,64"], status: 65, attempts: 3, log: "warning", notInLog: "postponed"),
        Case(options: ["--bury-status", "75"], status: 75, attempts: 1, log: "failed for good", notInLog: "postponed"),
        Case(options: ["--retry-status", "1,65"], status: 65, attempts: 3, log: "postponed", notInLog: "warning"),
        Case(options: ["--retry-status", "none"], status: 75, attempts: 3, log: "warning", notInLog: "postponed"),
        Case(options: ["--bury-status", "none"], status: 65, attempts: 3, log: "warning", notInLog: "postponed"),
    ])
    func statusHasAMeaning(_ given: Case) async throws {
        try await serving { address, client in
            let worker = try work(
                address, ["--attempts", "3"] + given.options, "sh", "-c", "echo why >&2; exit \(given.status)")
            let submission = try await client.submit("x")
            #expect(try await submission.outcome == .failed(reason: "why"))
            #expect(try await submission.status?.attempt == given.attempts)
            let log = worker.end().errors
            #expect(log.contains(given.log) && !log.contains(given.notInLog), "\(log)")
            // The last attempt is an error whatever it was.
            #expect(log.contains("failed for good"), "\(log)")
        }
    }

    @Test(arguments: [
        (["--bury-status", "256"], "256"), (["--bury-status", "-1"], "--bury-status"), (["--retry-status", "0"], "0"),
        (["--retry-status", "75,"], "75,"), (["--retry-status", "a"], "a"), (["--bury-status", ""], "--bury-status"),
        (["--bury-status", "3,75", "--retry-status", "4,75"], "both name 75"), (["--directory", ""], "--directory"),
    ])
    func mistakeIsExplained(options: [String], message: String) throws {
        for command in [["work"] + options + ["--", "true"], ["serve", "--memory", "--run", "a=true"] + options] {
            let outcome = try Program("talkback", command).outcome()
            #expect(outcome.status == 64 && outcome.errors.contains(message), "\(outcome)")
        }
    }

    @Test func jobWhoseWorkersDieIsBuriedUntriedAndRetried() async throws {
        try await serving { address, client in
            let id = try await client.put("x")
            // One attempt that says why it fails, and one that does not.
            let first = try await client.reserve(timeout: .seconds(10))
            try await first?.fail("no paper", retry: .after(.zero))
            let other = try await Client.connect(to: try #require(ServerAddress(parsing: address)))
            // Held, as one that is let go is released.
            let held = try #require(try await other.reserve(timeout: .seconds(10)))
            await other.close()
            withExtendedLifetime(held) {}
            let worker = try work(
                address, ["--attempts", "2"], "sh", "-c", "echo >> \(folder.file("runs")); echo done")
            try await waitUntil { try await client.status(of: id)?.state == .failed }
            #expect(try await client.status(of: id)?.reason == "the worker was lost")
            #expect(!FileManager.default.fileExists(atPath: folder.file("runs")))
            #expect(try Program("talkback", "retry", "\(id)", "--address", address).outcome().status == 0)
            try await waitUntil { try await client.statistics(of: .default).deleted == 1 }
            #expect(worker.end().errors.contains("the worker was lost"))
        }
    }

    // MARK: Folders

    @Test(arguments: [false, true])
    func linkIsFollowedAtEachStart(byDaemon: Bool) async throws {
        let files = FileManager.default
        let (one, two, link) = (folder.file("one"), folder.file("two"), folder.file("current"))
        for release in [one, two] {
            try files.createDirectory(atPath: release, withIntermediateDirectories: false)
            try Data("echo \(release) $PWD $(/bin/pwd -P) $(readlink /proc/$PPID/cwd)".utf8)
                .write(to: URL(fileURLWithPath: release + "/task.sh"))
        }
        try files.createSymbolicLink(atPath: link, withDestinationPath: one)
        func deploy(_ release: String) throws {
            // As the recipes have it.
            let move = "ln -s \(release) \(link).new && mv -T \(link).new \(link)"
            #expect(try Program(shell: move).outcome().status == 0)
        }
        func expect(_ release: String, _ client: Client) async throws {
            guard case .done(let result) = try await client.submit("x").outcome else {
                Issue.record("the task has failed")
                return
            }
            #expect(String(decoding: result, as: UTF8.self) == "\(release) \(link) \(release) /\n")
        }
        let program: Program
        let client: Client
        var worker: Program?
        if byDaemon {
            program = try Program(
                "talkback",
                ["serve", "--memory", "--listen", "127.0.0.1:0", "--run", "default=sh task.sh", "--directory", link])
            client = try await Client.connect(to: ServerAddress(try program.address()))
        } else {
            program = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
            let address = try program.address()
            client = try await Client.connect(to: ServerAddress(address))
            // From within the release, by the name that the shell has for it.
            worker = try Program(
                shell: "cd \(link) && exec talkback work --address \(address) --directory . -- sh ./task.sh")
        }
        try await expect(one, client)
        try deploy(two)
        try await expect(two, client)
        // The old release goes, and nobody needs it.
        try files.removeItem(atPath: one)
        try await expect(two, client)
        await client.close()
        _ = (worker?.end(), program.end())
        try files.removeItem(atPath: two)
    }

    @Test func folderThatIsNotThereIsSaid() async throws {
        let missing = folder.file("missing")
        let outcome = try Program("talkback", "work", "--directory", missing, "--", "true").outcome()
        #expect(outcome.status == 1 && outcome.errors.contains("\(missing): there is no such folder"), "\(outcome)")
        try FileManager.default.createDirectory(atPath: missing, withIntermediateDirectories: false)
        try await serving { address, client in
            let worker = try work(address, ["--attempts", "1", "--directory", missing], "true")
            #expect(try await client.submit("x").outcome == .done([]))
            try FileManager.default.removeItem(atPath: missing)
            let failure = try await client.submit("x").outcome
            #expect(failure == .failed(reason: "start in \(missing): there is no such folder"))
            _ = worker.end()
        }
    }
}
