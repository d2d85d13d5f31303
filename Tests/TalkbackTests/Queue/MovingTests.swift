// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport
import Testing

/// `talkback drain` and `talkback load`.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct MovingTests {
    /// Puts jobs of all kinds into the tube `t`.
    private static let filling = """
        talkback put --tube t --priority 9 --time-to-run 5 first second
        talkback put --tube t --delay 1000 delayed
        head -c 300 /dev/urandom > random; talkback put --tube t --file random
        talkback put --tube t --priority 3 buried1 buried2
        talkback bury 5 6
        """

    private static let keptFields = #"s/"id":[0-9]*,//; s/"delay":(9[0-9]{2}|100[01])/"delay":1000/"#

    @Test func everythingComesBack() async throws {
        try await withQueue { queue throws in
            _ = try queue.output(Self.filling)
            let drained = try queue.run("talkback drain t --to a")
            #expect(drained.status == 0 && drained.output.isEmpty)
            #expect(drained.errors == "drained 6: 3 ready, 1 delayed, 2 buried\n")
            #expect(try queue.count("current-jobs-ready", in: "t") == nil)
            #expect(try queue.output("stat -c %a a") == "600\n")
            #expect(try queue.run("talkback load a").errors == "loaded 6\n")
            #expect(try queue.count("current-jobs-buried", in: "t") == 2)
            #expect(try queue.count("current-jobs-delayed", in: "t") == 1)
            _ = try queue.output("talkback drain t --to b")
            #expect(
                try queue.output(
                    "for f in a b; do sed -E '\(Self.keptFields)' $f > $f.n; done; cmp a.n b.n; wc -l < b")
                    == "6\n")
            let states = try queue.output("grep -o '\"state\":\"[a-z]*\"' b | cut -d: -f2 | tr -d '\"' | uniq -c")
            #expect(states.split(whereSeparator: \.isWhitespace) == ["3", "ready", "1", "delayed", "2", "buried"])
        }
    }

    /// From a server of the one kind to one of the other.
    @Test(arguments: [true, false])
    func queueMovesBetweenServers(isFromBeanstalkd: Bool) async throws {
        guard let beanstalkd = ProcessInfo.processInfo.environment["TESTED_SERVER"] else {
            // Then both are of one kind.
            return try await move(nil, nil)
        }
        try await move(isFromBeanstalkd ? beanstalkd : nil, isFromBeanstalkd ? nil : beanstalkd)
    }

    private func move(_ old: String?, _ new: String?) async throws {
        let old = try await QueueServer(beanstalkd: old)
        let new = try await QueueServer(beanstalkd: new)
        _ = try old.output(Self.filling + "; seq 500 | talkback put --lines --tube t --priority 5000")
        let file = old.file("a")
        #expect(try old.run("talkback drain t --to a").status == 0)
        #expect(try new.run("talkback load '\(file)' --tube u").errors == "loaded 506\n")
        #expect(try new.count("current-jobs-ready", in: "u") == 503)
        #expect(try new.count("current-jobs-buried", in: "u") == 2)
        #expect(try new.output("talkback take --tube u --count 2") == "first\nsecond\n")
        #expect(
            try new.output("talkback take --tube u --raw | cmp - '\(old.file("random"))' && echo same")
                == "same\n")
        #expect(
            try new.output("talkback take --tube u --count 500 --timeout 0")
                == (1...500).map { "\($0)\n" }.joined())
        #expect(
            try new.output("talkback kick --tube u 5; talkback take --tube u --count 2")
                == "2\nburied1\nburied2\n")
        old.end()
        new.end()
    }

    @Test func manyJobsOfEachStateAreMovedInTheirOrder() async throws {
        try await withQueue { queue throws in
            _ = try queue.output(
                """
                seq 10000 | talkback put --lines --tube t
                seq 10001 10300 | talkback put --lines --tube t | xargs talkback bury
                seq 10301 10600 | talkback put --lines --delay 500 --tube t
                """)
            #expect(
                try queue.run("talkback drain t --to a").errors
                    == "drained 10600: 10000 ready, 300 delayed, 300 buried\n")
            let bodies = #"sed -E 's/.*"body":"([0-9]+)".*/\1/'"#
            let all = try queue.output("\(bodies) a").split(separator: "\n").compactMap { Int($0) }
            let isInOrder = all == Array(1...10_000) + Array(10_301...10_600) + Array(10_001...10_300)
            #expect(isInOrder)
            #expect(try queue.run("talkback load < a").errors == "loaded 10600\n")
            #expect(try queue.run("cat a | talkback load --tube u").errors == "loaded 10600\n")
            // Delays are in whole seconds, so that those of a second may change places.
            let inOrder = "{ grep -v delayed $f | \(bodies); grep delayed $f | \(bodies) | sort; } > $f.n"
            _ = try queue.output("talkback drain t > b; for f in a b; do \(inOrder); done; cmp a.n b.n")
        }
    }

    @Test func pausedTubeIsDrainedAndWhatWorkersHaveIsLeft() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("talkback put --tube t mine other; talkback pause t 1000")
            let worker = try Socket.connect(to: queue.socket)
            try worker.sendAll("reserve-job 1\r\n")
            #expect(try worker.receive(upTo: 100) == Array("RESERVED 1 4\r\nmine\r\n".utf8))
            let drained = try queue.run("talkback drain t")
            #expect(drained.status == 0 && drained.output.contains(#""body":"other""#))
            #expect(drained.errors == "drained 1: 1 ready; 1 that workers have reserved left in the queue\n")
            let again = try queue.run("talkback drain t")
            #expect(again.status == 2 && again.output.isEmpty)
            try worker.close()
        }
    }

    @Test func nothingThereIsSaidSo() async throws {
        try await withQueue { queue throws in
            let none = try queue.run("talkback drain none --to a")
            #expect(none.status == 2 && none.errors.hasPrefix("Error: ") && none.errors.contains("none"))
            #expect(try queue.run("test -e a").status == 1)
            #expect(try queue.run("talkback drain default").status == 2)
        }
    }

    @Test func jobsThatCannotBeWrittenStayAsTheyWere() async throws {
        try await withQueue { queue throws in
            _ = try queue.output(Self.filling)
            for target in ["> /dev/full", "--to /dev/full"] {
                let outcome = try queue.run("talkback drain t \(target)")
                #expect(outcome.status == 1 && outcome.errors.contains("No space left on device"))
                #expect(try queue.count("current-jobs-ready", in: "t") == 3)
            }
            // Only delayed and buried ones are left.
            _ = try queue.output("talkback take --tube t --count 3 --timeout 0 > /dev/null")
            #expect(try queue.run("talkback drain t > /dev/full").status == 1)
            #expect(try queue.count("current-jobs-delayed", in: "t") == 1)
            _ = try queue.output("talkback drain t > a")
            #expect(try queue.output("grep -c buried a") == "2\n")
        }
    }

    @Test func drainThatWasKilledLosesNothing() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("seq 60000 | talkback put --lines --tube t > /dev/null")
            for round in 1...3 {
                let drain = try queue.start("exec talkback drain t --to a")
                // When it has something in the file.
                try await waitUntil {
                    let file = URL(fileURLWithPath: queue.file("a"))
                    return !drain.isRunning || (try? Data(contentsOf: file).count) ?? 0 >= round * 200_000
                }
                drain.kill()
            }
            // What a crash leaves, when it comes in the middle of a line.
            _ = try queue.output(#"printf '{"id":1,"tu' >> a; talkback put --tube t 60001"#)
            let last = try queue.run("talkback drain t --to a")
            #expect(last.status == 0)
            #expect(last.errors.contains("a: the last line was not finished, and is cut off"))
            #expect(try queue.count("current-jobs-ready", in: "t") ?? 0 == 0)
            let bodies = try queue.output(#"sed -E 's/.*"body":"([0-9]+)"}$/\1/' a"#).split(separator: "\n").map {
                Int($0)
            }
            let isComplete = Set(bodies) == Set(1...60_001)
            #expect(isComplete)
        }
    }

    @Test func drainThatIsInterruptedLeavesTheRestInTheQueue() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("seq 60000 | talkback put --lines --tube t > /dev/null")
            // More than a pipe holds is written before anything is deleted.
            let drain = try queue.start("exec talkback drain t")
            #expect(drain.line().hasSuffix(#""body":"1"}"#))
            drain.send(SIGINT)
            let outcome = drain.outcome()
            #expect(outcome.status == 1 && outcome.errors.contains("drain t: interrupted"))
            let written = outcome.output.split(separator: "\n").count + 1
            #expect(try queue.count("current-jobs-ready", in: "t") == 60_000 - written)
        }
    }

    @Test func fileThatIsNoneOfDrainedJobsIsNotCut() async throws {
        try await withQueue { queue throws in
            _ = try queue.output("printf text > a; talkback put --tube t x")
            let outcome = try queue.run("talkback drain t --to a")
            #expect(outcome.status == 1 && outcome.errors.contains("its last line is not one of drained jobs"))
            #expect(try queue.output("cat a") == "text")
            #expect(try queue.count("current-jobs-ready", in: "t") == 1)
        }
    }

    @Test(arguments: [
        ("nonsense", "it is not JSON"), ("7", "it is not a JSON object"), (#"{"tube":"t"}"#, "neither body nor base64"),
        (#"{"body":"","base64":""}"#, "both"), (#"{"base64":"*"}"#, "base64"), (#"{"body":"","tube":"a b"}"#, "a b"),
        (#"{"body":"","state":"reserved"}"#, "state"), (#"{"body":"","delay":-1}"#, "delay"),
        (#"{"body":"","priority":"high"}"#, "priority"), ("", "it is not JSON"),
        (#"{"body":"","key":"a b"}"#, "a b"), (#"{"body":"","attempts":0}"#, "attempts is a number from 1"),
        (#"{"body":"","lease":"for ever"}"#, "lease"), (#"{"body":"","tried":4294967296}"#, "tried"),
        (#"{"body":"","reason":"","reason_base64":""}"#, "both reason and"),
    ])
    func wrongLineIsRefusedBeforeAnythingIsPut(line: String, reason: String) async throws {
        try await withQueue { queue throws in
            try "{\"body\":\"a\"}\n\(line)\n".write(toFile: queue.file("a"), atomically: false, encoding: .utf8)
            let outcome = try queue.run("talkback load a")
            #expect(outcome.status == 1)
            #expect(outcome.errors.hasPrefix("Error: a: line 2: ") && outcome.errors.contains(reason))
            #expect(outcome.errors.hasSuffix("; nothing was put\n"))
            #expect(try queue.count("current-jobs-ready") == 0)
            let pipe = try queue.run("cat a | talkback load")
            #expect(pipe.status == 1 && pipe.errors.contains("line 2: ") && pipe.errors.contains("1 put: lines 1"))
            #expect(try queue.count("current-jobs-ready") == 1)
        }
    }

    @Test func bodyThatIsTooLargeIsRefusedBeforeAnythingIsPut() async throws {
        try await withQueue { queue throws in
            let text = String(repeating: "x", count: 1_100_000)
            try "{\"body\":\"a\"}\n{\"body\":\"\(text)\"}\n".write(
                toFile: queue.file("a"), atomically: false, encoding: .utf8)
            let outcome = try queue.run("talkback load a")
            #expect(outcome.status == 1 && outcome.errors.contains("line 2: the body has 1100000 bytes"))
            #expect(try queue.count("current-jobs-ready") == 0)
        }
    }
}
