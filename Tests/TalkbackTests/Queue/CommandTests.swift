// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport
import Testing

/// The commands of a queue's clients, one by one.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct CommandTests {
    // MARK: put

    @Test func putPrintsTheNumbersInTheOrderOfTheBodies() async throws {
        try await withQueue { queue throws in
            #expect(try queue.output("talkback put --tube t one two three") == "1\n2\n3\n")
            #expect(try queue.output("talkback take --tube t --count 3") == "one\ntwo\nthree\n")
        }
    }

    @Test func putTakesAllOptions() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t --priority 7 --delay 1000 --time-to-run 9 body")
            let lines = try queue.output("talkback stats --job 1").split(separator: "\n")
            for line in ["tube       t", "state      delayed", "pri        7", "delay      1000", "ttr        9"] {
                #expect(lines.contains { $0 == line })
            }
        }
    }

    @Test(arguments: ["talkback put < FILE", "talkback put - < FILE", "talkback put --file FILE"])
    func bodiesAreByteForByte(script: String) async throws {
        try await withQueue { queue throws in
            let bytes = Data((0...255).map { UInt8($0) } + [10])
            try bytes.write(to: URL(fileURLWithPath: queue.file("FILE")))
            #expect(try queue.output(script) == "1\n")
            #expect(try queue.output("talkback peek 1 --raw | cmp - FILE && echo same") == "same\n")
            #expect(
                try queue.output("talkback take --json").contains("\"base64\":\"\(bytes.base64EncodedString())\"")
            )
            #expect(try queue.run("talkback peek 1").status == 2)
        }
    }

    @Test(
        arguments: [
            ("talkback put \"$A\" two \"$B\"", [[0xD6, 0xD0], Array("two".utf8), [0xC4, 0xE3]]),
            ("talkback put -- \"$A\" \"$A\"", [[0xD6, 0xD0], [0xD6, 0xD0]]),
            ("talkback submit \"$B\"", [[0xC4, 0xE3]]),
        ] as [(String, [[UInt8]])])
    func argumentsAreByteForByte(script: String, bodies: [[UInt8]]) async throws {
        // As text both are the same: what is not UTF-8 is replaced.
        let variables = #"A="$(printf '\326\320')"; B="$(printf '\304\343')"; "#
        try await withQueue { queue throws in
            _ = try queue.output(variables + script)
            let expected = Data(bodies.flatMap { $0 + [UInt8(ascii: "\n")] }).base64EncodedString()
            #expect(try queue.output("talkback take --count \(bodies.count) | base64") == expected + "\n")
        }
    }

    @Test(arguments: [
        "put --file", "put --tube", "work --", "work -- cat", "listen 127.0.0.1:0 -- cat", "serve --data", "watch",
    ])
    func otherArgumentsThatAreNotUTF8AreRefused(arguments: String) async throws {
        try await withQueue { queue throws in
            let outcome = try queue.run(#"talkback \#(arguments) "$(printf 'a\326\320')""#)
            #expect(outcome.status == 64)
            #expect(outcome.errors.hasPrefix("Error: "))
            #expect(!outcome.errors.contains("no such"))
        }
    }

    @Test func linesBecomeJobsInTheirOrder() async throws {
        try await withQueue { queue throws in
            let ids = try queue.output("seq 10000 | talkback put --lines --tube t")
            #expect(ids == (1...10_000).map { "\($0)\n" }.joined())
            let bodies = try queue.output("talkback take --tube t --count 10000 --timeout 0")
            #expect(bodies == ids)
            #expect(try queue.run("talkback take --tube t --timeout 0").status == 2)
        }
    }

    @Test func emptyLinesAndTheLastLineWithoutALineFeedAreJobs() async throws {
        try await withQueue { queue throws in
            #expect(try queue.output("printf 'a\\n\\nb' | talkback put --lines") == "1\n2\n3\n")
            #expect(try queue.output("talkback take --count 3 --null | tr '\\000' ,") == "a,,b,")
            #expect(try queue.output("talkback put --lines < /dev/null") == "")
        }
    }

    @Test func lineThatFailsIsNamedWithThoseThatWerePut() async throws {
        try await withQueue { queue throws in
            let script = "{ seq 4; head -c 2000000 /dev/zero | tr '\\000' x; echo; } | talkback put --lines --tube t"
            let outcome = try queue.run(script)
            #expect(outcome.status == 1)
            #expect(outcome.output == "1\n2\n3\n4\n")
            #expect(
                outcome.errors.hasPrefix("Error: standard input: line 5: put into tube t: the body has 2000000 bytes"))
            #expect(outcome.errors.contains("4 put: lines 1-4"))
            #expect(try queue.count("current-jobs-ready", in: "t") == 4)
        }
    }

    @Test func numbersThatCannotBePrintedAreAnError() async throws {
        try await withQueue { queue throws in
            let outcome = try queue.run("talkback put a b > /dev/full")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("write to standard output") && outcome.errors.contains("2 put: bodies 1-2"))
        }
    }

    // MARK: take

    @Test func takeDeletesWhatIsPrinted() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube a one; talkback put --tube b two")
            #expect(try queue.output("talkback take --tube a --tube b --count 9 --timeout 0") == "one\ntwo\n")
            #expect(try queue.count("current-jobs-ready", in: "a") == nil)
            let outcome = try queue.run("talkback take --tube a --timeout 0")
            #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.isEmpty)
        }
    }

    @Test func takeWaitsForAJob() async throws {
        try await withQueue { queue throws in
            let taking = try queue.start("exec talkback take --tube t")
            try await waitUntil { try queue.count("current-waiting", in: "t") == 1 }
            _ = try queue.output("talkback put --tube t now")
            #expect(taking.line() == "now")
            #expect(taking.outcome().status == 0)
        }
    }

    @Test(arguments: ["", " --json", " --null"])
    func takeReleasesWhatItCannotPrint(option: String) async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t --priority 3 body")
            let full = try queue.run("talkback take --tube t\(option) > /dev/full")
            #expect(full.status == 1)
            #expect(full.errors.contains("No space left on device") && full.errors.contains("job 1 was released"))
            let broken = try queue.run(
                "{ sleep 1; talkback take --tube t\(option); echo $? > status; } | true; cat status")
            #expect(broken.output == "1\n")
            #expect(broken.errors.contains("Broken pipe") && broken.errors.contains("job 1 was released"))
            let closed = try queue.run("talkback take --tube t\(option) >&-")
            #expect(closed.status == 1 && closed.errors.contains("job 1 was released"))
            #expect(
                try queue.output("talkback peek 1 --json")
                    .contains(#""state":"ready","priority":3,"delay":0,"time_to_run":60,"body":"body""#))
        }
    }

    @Test func takePrintsWhatIsKnown() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("printf 'a\"\\\\\\n\\001é' | talkback put --tube t")
            let line = try queue.output("talkback take --tube t --json")
            #expect(
                line == #"{"id":1,"tube":"t","state":"ready","priority":1024,"delay":0,"time_to_run":60,"#
                    + #""body":"a\"\\\n\u0001é"}"# + "\n")
        }
    }

    // MARK: delete, bury, kick, peek, pause

    @Test(arguments: ["delete", "bury", "kick --job"])
    func jobsThatAreNotFoundAreNamedAndTheOthersAreDone(command: String) async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --delay 9 a b")
            let outcome = try queue.run("talkback \(command) 1 77 2")
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("job 77") && !outcome.errors.contains("job 1"))
            #expect(try queue.count("current-jobs-delayed") == 0)
        }
    }

    @Test func buriedJobKeepsItsPriorityAndIsKicked() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t --priority 5 a b")
            #expect(try queue.run("talkback kick --tube t").status == 2)
            #expect(try queue.output("talkback bury 1 2") == "")
            #expect(try queue.output("talkback stats --job 1").contains("pri        5\n"))
            #expect(try queue.output("talkback peek --tube t --buried") == "a\n")
            #expect(try queue.output("talkback kick --tube t") == "1\n")
            #expect(try queue.output("talkback kick --tube t 100") == "1\n")
            #expect(try queue.output("talkback take --tube t --count 2") == "a\nb\n")
        }
    }

    @Test func peekFindsTheFirstOfAState() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t ready; talkback put --tube t --delay 100 delayed")
            #expect(try queue.output("talkback peek --tube t") == "ready\n")
            #expect(try queue.output("talkback peek --tube t --ready --raw") == "ready")
            #expect(try queue.output("talkback peek --tube t --delayed") == "delayed\n")
            #expect(try queue.output("talkback peek 2 --json").contains(#""state":"delayed""#))
            for none in ["--tube t --buried", "--tube none", "9"] {
                let outcome = try queue.run("talkback peek \(none)")
                #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.hasPrefix("Error: peek at "))
            }
        }
    }

    @Test func pausedTubeGivesNothing() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t a; talkback pause t 1000")
            #expect(try queue.run("talkback take --tube t --timeout 0").status == 2)
            #expect(try queue.output("talkback pause t 0; talkback take --tube t --timeout 0") == "a\n")
            #expect(try queue.run("talkback pause none 1").status == 2)
        }
    }

    // MARK: stats, tubes

    @Test func statisticsAreAlignedAndInTheServersOrder() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t a")
            let lines = try queue.output("talkback stats --job 1").split(separator: "\n")
            #expect(lines.count == 14 && lines.first == "id         1" && lines.last == "kicks      0")
            #expect(try queue.output("talkback stats --tube t").hasPrefix("name                   t\n"))
            #expect(try queue.output("talkback stats").contains(#/(?m)^current-jobs-ready +1$/#))
            for none in ["--tube none", "--job 99"] {
                #expect(try queue.run("talkback stats \(none)").status == 2)
                #expect(try queue.run("talkback stats \(none) --json").status == 2)
            }
        }
    }

    @Test func statisticsAreJSON() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube 7 a")
            let server = try Self.object(try queue.output("talkback stats --json"))
            #expect(server["total-jobs"] as? Int == 1 && server["draining"] as? Bool == false)
            #expect(server["version"] is String && server["id"] is String && server["rusage-utime"] is Double)
            let job = try Self.object(try queue.output("talkback stats --job 1 --json"))
            #expect(job["id"] as? Int == 1 && job["tube"] as? String == "7" && job["state"] as? String == "ready")
        }
    }

    @Test func tubesAreATable() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t a b; talkback bury 1; talkback pause t 1000")
            let table = try queue.output("talkback tubes").split(separator: "\n").map { $0.split(separator: " ") }
            #expect(table[0] == ["TUBE", "READY", "RESERVED", "DELAYED", "BURIED", "WAITING", "PAUSED"])
            #expect(table[1].first == "default")
            #expect(table[2].prefix(6) == ["t", "1", "0", "0", "1", "0"])
            let last = try #require(try queue.output("talkback tubes --json").split(separator: "\n").last)
            let object = try Self.object(String(last))
            #expect(object["tube"] as? String == "t" && object["buried"] as? Int == 1)
            #expect(object["paused"] as? Int ?? 0 > 900)
        }
    }

    private static func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    // MARK: Errors

    @Test(arguments: [
        "put", "take", "peek", "tubes", "stats", "kick", "delete 1", "bury 1", "pause t 1", "drain t", "load",
    ])
    func serverThatIsNotThereIsAnErrorAtOnce(command: String) throws {
        let start = ContinuousClock.now
        let outcome = try Program(shell: "talkback \(command) --address unix:/nowhere/s < /dev/null").outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: connect to unix:/nowhere/s: "))
        #expect(start.duration(to: .now) < .seconds(250))
    }

    @Test(arguments: [
        ("put --delay -1 x", "--delay"), ("put --priority 5000000000 x", "--priority"),
        ("put --time-to-run 0 x", "--time-to-run"), ("put --tube 'a b' x", "--tube"), ("put --file f x", "--file"),
        ("put --lines x", "--lines"), ("take --timeout -1", "--timeout"), ("take --count 0", "--count"),
        ("take --tube -x", "--tube"), ("take --raw --json", "--raw"), ("delete x", "<id>"), ("delete", "<id>"),
        ("bury 1.5", "<id>"), ("kick --job x", "--job"), ("kick --job 1 --tube t", "--job"), ("kick 0", "<number>"),
        ("peek x", "<id>"), ("peek 1 --ready", "--ready"), ("peek --ready --buried", "--buried"),
        ("pause t", "<seconds>"),
        ("pause t x", "<seconds>"), ("pause 'ü' 1", "<tube>"), ("stats --job x", "--job"),
        ("stats --job 1 --tube t", "--tube"), ("drain", "<tube>"), ("load --tube ''", "--tube"),
        ("tubes --address nowhere", "--address"),
    ])
    func wrongArgumentsAreNamed(arguments: String, name: String) throws {
        let outcome = try Program(shell: "talkback \(arguments) < /dev/null").outcome()
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").first?.contains(name) == true)
    }

    @Test func wrongAddressInTheEnvironmentIsNamed() throws {
        let outcome = try Program(shell: "TALKBACK_ADDRESS=nowhere talkback tubes").outcome()
        #expect(outcome.status == 64 && outcome.errors.contains("TALKBACK_ADDRESS takes HOST:PORT"))
    }

    @Test(arguments: [
        "put", "take", "peek", "delete", "bury", "kick", "pause", "stats", "tubes", "drain", "load",
    ])
    func helpSaysTheExitStatusAndHasExamples(command: String) throws {
        let outcome = try Program("talkback", command, "--help").outcome()
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("EXIT STATUS:") && outcome.output.contains("EXAMPLES:"))
        #expect(outcome.output.contains("--address"))
    }
}
