// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport
import Testing

/// What `talkback drain` and `talkback load` keep of jobs between Talkback servers: everything.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct WholeJobTests {
    /// A job of each kind is put with the protocol's own words, so that nothing of what the commands leave out is left
    /// out here.
    private static let kinds = [
        ("ready", "put 7 0 60 1\r\nx", ""),
        ("nothing in it", "put 7 0 60 0\r\n", ""),
        ("any bytes", "put 7 0 60 6\r\n\0\r\n\u{1}\"\\", ""),
        ("limits", "put 4294967295 0 4294967295 1\r\nx", ""),
        ("delayed", "put 0 1000 1 1\r\nx", ""),
        ("delayed for ever", "put 0 4294967295 1 1\r\nx", ""),
        ("key", "put 7 0 60 1 idp:k-1\r\nx", ""),
        ("key for a time", "put 7 0 60 1 idp:k-2:4294967295\r\nx", ""),
        ("keep", "put 7 0 60 1 keep:4294967295\r\nx", ""),
        ("attempts", "put 7 0 60 1 attempts:1\r\nx", ""),
        ("backoff", "put 7 0 60 1 backoff:5\r\nx", ""),
        ("growing backoff", "put 7 0 60 1 backoff:5:4294967295\r\nx", ""),
        ("lease", "put 7 0 60 1 lease:connection\r\nx", ""),
        ("everything", "put 1 1000 2 1 idp:k-3:5 keep:6 attempts:7 backoff:8:9 lease:connection\r\nx", ""),
        ("reserved before", "put 7 0 60 1\r\nx", "reserve-job ID\r\nrelease ID 8 0\r\n"),
        ("released with a delay", "put 7 0 60 1\r\nx", "reserve-job ID\r\nrelease ID 8 500\r\n"),
        ("buried", "put 7 0 60 1\r\nx", "reserve-job ID\r\nbury ID 9\r\n"),
        ("buried after a delay", "put 7 500 60 1\r\nx", "reserve-job ID\r\nbury ID 9\r\n"),
        ("failed for good", "put 7 0 60 1 keep:9\r\nx", "reserve-job ID\r\nfail ID never 4\r\nno\r\n\r\n"),
        ("no attempts left", "put 7 0 60 1 attempts:1\r\nx", "reserve-job ID\r\nfail ID 0 4\r\nno\t\u{7}\r\n"),
        ("failed, and tried again", "put 7 0 60 1 attempts:3\r\nx", "reserve-job ID\r\nfail ID 0 2\r\nno\r\n"),
        ("failed, and delayed", "put 7 0 60 1 backoff:500\r\nx", "reserve-job ID\r\nfail ID 0 2\r\nno\r\n"),
        (
            "kicked", "put 7 0 60 1 attempts:1\r\nx",
            "reserve-job ID\r\nfail ID 0 2\r\nno\r\nkick-job ID\r\n"
        ),
        (
            "kicked and tried", "put 7 0 60 1 attempts:2\r\nx",
            "reserve-job ID\r\nfail ID never 2\r\nno\r\nkick-job ID\r\nreserve-job ID\r\nfail ID 0 1\r\nm\r\n"
        ),
        (
            "with progress", "put 7 0 60 1\r\nx",
            "reserve-job ID\r\nprogress ID 42 page 3\r\nrelease ID 7 0\r\n"
        ),
    ]

    /// Field by field: what `describe-job`, `peek` and `state` say of it.
    @Test(arguments: [true, false])
    func jobOfEachKindComesBackAsItWas(isPaused: Bool) async throws {
        try await withQueue(beanstalkd: nil) { queue throws in
            let connection = try Socket.connect(to: queue.socket)
            func say(_ text: String) throws -> String {
                try connection.sendAll("\(text)stats-job 0\r\n")
                var reply = ""
                while !reply.hasSuffix("NOT_FOUND\r\n") {
                    let bytes = try connection.receive(upTo: 65_536)
                    guard !bytes.isEmpty else { throw POSIXError(.ECONNRESET) }
                    reply += String(decoding: bytes, as: UTF8.self)
                }
                return String(reply.dropLast(11))
            }
            func look(_ id: Int) throws -> [String] {
                var fields = try say("describe-job \(id)\r\n").split(
                    separator: " ", maxSplits: 9, omittingEmptySubsequences: false
                ).map(String.init)
                try #require(fields.count == 10 && fields[0] == "DESCRIBED")
                let isDelayed = fields[3] == "delayed"
                // What is left is a matter of the time; a number is given once, and a delay is what was left.
                fields[5] = isDelayed ? "\(((Int(fields[5]) ?? -1) + 10) / 100)" : fields[5]
                fields[7] = ""
                (fields[1], fields[4]) = ("", "")
                let state = try say("state \(id)\r\n").split(separator: " ", maxSplits: 4).map(String.init)
                let rest = state.count == 5 ? state[4].drop { $0 != " " } : ""
                let peeked = try say("peek \(id)\r\n").drop { $0 != " " }.dropFirst().drop { $0 != " " }
                return fields + [state.count > 3 ? state[2] + state[3] : "", String(rest), String(peeked)]
            }
            _ = try say("use t\r\n")
            var before: [[String]] = []
            for (index, kind) in Self.kinds.enumerated() {
                _ = try say(kind.1 + "\r\n" + kind.2.replacingOccurrences(of: "ID", with: "\(index + 1)"))
                before.append(try look(index + 1))
            }
            let count = Self.kinds.count
            var order: [Int] = []
            if isPaused { _ = try say("pause-tube t 1000\r\n") }
            for round in 1...2 {
                #expect(try queue.run("talkback drain t --to a\(round)").status == 0)
                #expect(try queue.run("talkback load a\(round)").errors == "loaded \(count)\n")
                let lines = try queue.output("sed -E 's/.*\"id\":([0-9]+),.*/\\1/' a\(round)").split(separator: "\n")
                try #require(lines.count == count)
                for (index, line) in lines.enumerated() {
                    // In the first round the ids are the kinds' numbers, and in the second those of the first's lines.
                    let old = try #require(Int(line))
                    let kind = round == 1 ? old - 1 : order[old - count - 1]
                    let now = try look(round * count + index + 1)
                    #expect(now == before[kind], "\(Self.kinds[kind].0), round \(round)")
                    if round == 1 { order.append(kind) }
                }
            }
        }
    }

    @Test func fileOfTheVersionBeforeIsLoaded() async throws {
        try await withQueue(beanstalkd: nil) { queue throws in
            _ = try queue.output(
                #"""
                cat > a << 'END'
                {"id":1,"tube":"t","state":"ready","priority":9,"delay":0,"time_to_run":5,"body":"first"}
                {"id":3,"tube":"t","state":"delayed","priority":1024,"delay":1000,"time_to_run":60,"body":"delayed"}
                {"id":5,"tube":"t","state":"buried","priority":3,"delay":0,"time_to_run":60,"base64":"AP8="}
                END
                """#)
            #expect(try queue.run("talkback load a").errors == "loaded 3\n")
            #expect(try queue.output("talkback peek 3 --raw | base64") == "AP8=\n")
            let buried = try queue.output("talkback stats --job 3")
            for field in ["state +buried", "pri +3", "delay +0", "reserves +0", "buries +0"] {
                #expect(buried.contains(try Regex("(?m)^" + field + "$")), "\(field)")
            }
            #expect(try queue.count("current-jobs-delayed", in: "t") == 1)
        }
    }

    @Test func jobWhoseKeyAnotherHasIsCounted() async throws {
        try await withQueue(beanstalkd: nil) { queue throws in
            _ = try queue.output("talkback submit --tube t --key k x > /dev/null; talkback drain t > a")
            #expect(try queue.run("cat a a | talkback load").errors == "loaded 1; of 1 more, others have the keys\n")
            #expect(try queue.count("current-jobs-ready", in: "t") == 1)
        }
    }

    /// Nothing that beanstalkd cannot keep is left out without a word.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["TESTED_SERVER"] != nil))
    func whatBeanstalkdCannotKeepIsSaid() async throws {
        let old = try await QueueServer(beanstalkd: nil)
        let new = try await QueueServer(beanstalkd: ProcessInfo.processInfo.environment["TESTED_SERVER"])
        _ = try old.output(
            "talkback submit --tube t --attempts 3 --backoff 5 x > /dev/null; "
                + "talkback put --tube t y; talkback drain t --to a"
        )
        #expect(
            try new.run("talkback load '\(old.file("a"))'").errors
                == "loaded 2; 1 without what this server cannot keep: keep, attempts, backoff\n")
        #expect(try new.count("current-jobs-ready", in: "t") == 2)
        old.end()
        new.end()
    }

    @Test func lastAttemptIsNotUsedUpByADrainThatFails() async throws {
        try await withQueue(beanstalkd: nil) { queue throws in
            _ = try queue.output("talkback submit --tube t --attempts 1 x > /dev/null")
            #expect(try queue.run("talkback drain t > /dev/full").status == 1)
            #expect(try queue.count("current-jobs-ready", in: "t") == 1)
            #expect(try queue.run("talkback take --tube t > /dev/full").status == 1)
            #expect(try queue.count("current-jobs-ready", in: "t") == 1)
        }
    }
}
