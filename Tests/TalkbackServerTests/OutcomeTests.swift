// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import JobStore
import Sockets
import TalkbackServer
import TestSupport
import Testing

/// What the server does that beanstalkd does not, over real connections: `Documentation/protocol.md`.
@Suite(.timeLimit(.minutes(5)))
struct OutcomeTests {
    private let servers: Servers

    init() throws {
        servers = Servers(try EventLoop())
    }

    private func serving(
        _ storage: Storage = .memory, _ options: ServerOptions = ServerOptions(maximumJobSize: 1000),
        _ body: (Client, Client) async throws -> Void
    ) async throws {
        try await servers.serving(storage, options) { listener, _ in
            try await body(try await servers.connect(listener), try await servers.connect(listener))
        }
    }

    private typealias Client = Servers.Client

    /// The reason of an attempt whose worker is gone.
    private static let loss = "the worker was lost: its connection ended"

    @Test(arguments: Storage.allCases) func resultComesBackByteForByte(storage: Storage) async throws {
        try await serving(storage) { page, worker in
            try await page.expect(
                "put 0 0 60 1 keep:60\r\nx\r\nstate 1\r\n", "INSERTED 1\r\nSTATE 1 waiting 0 0 0 0 0\r\n\r\n")
            try await worker.expect("reserve\r\n", "RESERVED 1 1\r\nx\r\n")
            try await page.expect("state 1\r\n", "STATE 1 running 1 0 0 0 0\r\n\r\n")
            try await worker.expect("progress 1 42 page 3 of 7\r\n", "TOUCHED\r\n")
            try await page.expect("state 1\r\n", "STATE 1 running 1 0 0 42 11\r\npage 3 of 7\r\n")
            let result = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try await worker.send(Array("finish 1 \(result.count)\r\n".utf8) + result + Array("\r\n".utf8))
            try await worker.expect("", "FINISHED\r\n")
            try await page.send(Array("wait 1 100\r\n".utf8))
            try await page.expect("", "STATE 1 done 1 0 0 100 1048576\r\n")
            #expect(try await page.bytes(result.count) == result)
            try await page.expect("stats-job 1\r\ndelete 1\r\n", "\r\nNOT_FOUND\r\nNOT_FOUND\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func pageWaitsForTheEnd(storage: Storage) async throws {
        try await serving(storage) { page, worker in
            try await page.expect("put 0 0 60 1\r\nx\r\n", "INSERTED 1\r\n")
            // What comes behind a wait waits too.
            try await page.send(Array("wait 1 100\r\nuse later\r\n".utf8))
            try await worker.expect("reserve\r\nprogress 1 5\r\n", "RESERVED 1 1\r\nx\r\nTOUCHED\r\n")
            try await worker.expect("finish 1 2\r\nok\r\n", "FINISHED\r\n")
            try await page.expect("", "STATE 1 done 1 0 0 100 2\r\nok\r\nUSING later\r\n")
            // It is not kept.
            try await page.expect("state 1\r\nwait 1 9\r\nfollow 1 9\r\n", "NOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func pageFollowsEachStep(storage: Storage) async throws {
        try await serving(storage) { page, worker in
            try await page.expect("put 0 0 60 1 attempts:2 backoff:1\r\nx\r\n", "INSERTED 1\r\n")
            try await page.expect("follow 1 100\r\n", "STATE 1 waiting 0 2 0 0 0\r\n\r\n")
            try await worker.expect("reserve\r\n", "RESERVED 1 1\r\nx\r\n")
            try await page.expect("", "STATE 1 running 1 2 0 0 0\r\n\r\n")
            try await worker.expect("progress 1 7 seven\r\n", "TOUCHED\r\n")
            try await page.expect("", "STATE 1 running 1 2 0 7 5\r\nseven\r\n")
            try await worker.expect("fail 1 1000 4\r\ntore\r\n", "RELEASED\r\n")
            try await page.expect("", "STATE 1 delayed 1 2 0 0 4\r\ntore\r\n")
            try await worker.expect("reserve\r\n", "RESERVED 1 1\r\nx\r\n")
            try await page.expect("", "STATE 1 waiting 1 2 0 0 4\r\ntore\r\nSTATE 1 running 2 2 0 0 0\r\n\r\n")
            try await worker.expect("fail 1 1000 5\r\nagain\r\n", "BURIED\r\n")
            try await page.expect("", "STATE 1 failed 2 2 0 0 5\r\nagain\r\n")
            // Without tags the worker's word counts.
            try await worker.expect("put 0 0 60 1\r\ny\r\nreserve\r\n", "INSERTED 2\r\nRESERVED 2 1\r\ny\r\n")
            try await worker.expect("fail 2 0:2 1\r\nx\r\nreserve\r\n", "RELEASED\r\nRESERVED 2 1\r\ny\r\n")
            try await worker.expect("fail 2 0:2 1\r\nx\r\n", "BURIED\r\n")
            try await page.expect("kick-job 1\r\nstate 1\r\n", "KICKED\r\nSTATE 1 waiting 0 2 0 0 5\r\nagain\r\n")
            try await page.expect("follow 1 0\r\n", "STATE 1 waiting 0 2 0 0 5\r\nagain\r\nTIMED_OUT\r\n")
            try await page.expect("wait 1 1\r\n", "STATE 1 waiting 0 2 1 0 5\r\nagain\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func cancelledJobIsGoneAndItsWorkerIsTold(storage: Storage) async throws {
        try await serving(storage) { page, worker in
            try await page.expect(
                "put 0 0 60 1 keep:900\r\na\r\nput 0 9 60 1\r\nb\r\ncancel 1\r\ncancel 1\r\ncancel 2\r\ncancel 2\r\n",
                "INSERTED 1\r\nINSERTED 2\r\nCANCELLED\r\nCANCELLED\r\nCANCELLED\r\nNOT_FOUND\r\n")
            try await page.expect(
                "reserve-with-timeout 0\r\nstate 1\r\n", "TIMED_OUT\r\nSTATE 1 cancelled 0 0 0 0 0\r\n\r\n")
            for (command, reply) in [
                ("progress # 1", "CANCELLED"), ("finish # 0\r\n", "CANCELLED"), ("fail # 1 0\r\n", "CANCELLED"),
                ("touch #", "NOT_FOUND"), ("delete #", "NOT_FOUND"), ("release # 0 0", "NOT_FOUND"),
                ("bury # 0", "NOT_FOUND"),
            ] {
                try await page.send(Array("put 0 0 60 1\r\nc\r\n".utf8))
                let id = try await page.line().split(separator: " ").last.map(String.init) ?? ""
                try await worker.expect("reserve\r\n", "RESERVED \(id) 1\r\nc\r\n")
                try await page.expect("cancel \(id)\r\n", "CANCELLED\r\n")
                try await worker.expect(command.replacing("#", with: id) + "\r\n", reply + "\r\n")
                if reply == "CANCELLED" {
                    try await worker.expect("progress \(id) 2\r\n", "NOT_FOUND\r\n")
                }
            }
            try await page.expect(
                "put 0 0 60 1 keep:900\r\nd\r\nreserve\r\n", "INSERTED 10\r\nRESERVED 10 1\r\nd\r\n")
            try await page.expect(
                "delete 10\r\ncancel 10\r\nstate 10\r\n",
                "DELETED\r\nTOO_LATE\r\nSTATE 10 done 1 0 0 100 0\r\n\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func secondPutWithAKeyFindsTheFirst(storage: Storage) async throws {
        try await serving(storage) { page, _ in
            func put(_ tags: String) -> String { "put 0 0 60 1 \(tags)\r\nx\r\n" }
            try await page.expect(put("idp:k") + put("idp:k"), "INSERTED 1\r\nINSERTED 1 READY\r\n")
            // Another tube has its own.
            try await page.expect("use other\r\n" + put("idp:k"), "USING other\r\nINSERTED 3\r\n")
            try await page.expect(
                "use default\r\nreserve\r\n" + put("idp:k"),
                "USING default\r\nRESERVED 1 1\r\nx\r\nINSERTED 1 RESERVED\r\n")
            try await page.expect("bury 1 0\r\n" + put("idp:k"), "BURIED\r\nINSERTED 1 BURIED\r\n")
            try await page.expect("delete 1\r\n" + put("idp:k:60"), "DELETED\r\nINSERTED 6\r\n")
            try await page.expect("delete 6\r\n" + put("idp:k"), "DELETED\r\nINSERTED 6 DELETED\r\n")
            // Only the key is remembered.
            try await page.expect("state 6\r\n", "NOT_FOUND\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func workerThatIsLostUsesUpItsAttempt(storage: Storage) async throws {
        try await servers.serving(storage, ServerOptions()) { listener, _ in
            let page = try await servers.connect(listener)
            try await page.expect(
                "put 0 0 60 1 attempts:2\r\nx\r\nfollow 1 100\r\n", "INSERTED 1\r\nSTATE 1 waiting 0 2 0 0 0\r\n\r\n")
            for attempt in 1...2 {
                let worker = try await servers.connect(listener)
                try await worker.expect("reserve\r\n", "RESERVED 1 1\r\nx\r\n")
                try await page.expect("", "STATE 1 running \(attempt) 2 0 0 0\r\n\r\n")
                worker.close()
                let state = attempt == 1 ? "waiting" : "failed"
                try await page.expect("", "STATE 1 \(state) \(attempt) 2 0 0 41\r\n\(Self.loss)\r\n")
            }
            try await page.expect("reserve-with-timeout 0\r\n", "TIMED_OUT\r\n")
        }
    }

    @Test func leaseOfAConnectionDoesNotEnd() async throws {
        try await serving { page, worker in
            try await page.expect("put 0 0 1 1 lease:connection\r\nx\r\n", "INSERTED 1\r\n")
            // No deadline is near either.
            try await worker.expect("reserve\r\nreserve-with-timeout 2\r\n", "RESERVED 1 1\r\nx\r\nTIMED_OUT\r\n")
            try await worker.expect("touch 1\r\ndelete 1\r\n", "TOUCHED\r\nDELETED\r\n")
        }
    }

    @Test func resultThatIsTooBigIsStillToCome() async throws {
        try await serving { page, _ in
            try await page.expect("put 0 0 60 1\r\nx\r\nreserve\r\n", "INSERTED 1\r\nRESERVED 1 1\r\nx\r\n")
            let body = String(repeating: "stats\r\n", count: 200_000)
            try await page.expect("finish 1 1400000\r\n\(body)\r\n", "TOO_BIG\r\n")
            let reason = String(repeating: "r", count: 7000)
            try await page.expect("fail 1 never 7000\r\n\(reason)\r\n", "TOO_BIG\r\n")
            try await page.expect("finish 1 1\r\nxyz\r\n", "EXPECTED_CRLF\r\nUNKNOWN_COMMAND\r\n")
            try await page.expect("finish 1 0\r\n\r\nfinish 1 0\r\n\r\n", "FINISHED\r\nNOT_FOUND\r\n")
        }
    }

    @Test func resultThereIsNoMemoryForIsStillToCome() async throws {
        try await serving(.memory, ServerOptions(maximumJobSize: 1000, maximumMemory: 5000)) { page, _ in
            try await page.expect("put 0 0 60 1\r\nx\r\nreserve\r\n", "INSERTED 1\r\nRESERVED 1 1\r\nx\r\n")
            let result = String(repeating: "r", count: 6000)
            try await page.expect(
                "finish 1 6000\r\n\(result)\r\nfinish 2 6000\r\n\(result)\r\n", "OUT_OF_MEMORY\r\nNOT_FOUND\r\n")
            try await page.expect("finish 1 0\r\n\r\n", "FINISHED\r\n")
        }
    }

    /// A server whose memory is full of jobs, as puts are refused only then.
    private func servingWithoutMemory(_ body: (Client, Client) async throws -> Void) async throws {
        let options = ServerOptions(maximumJobSize: 1000, maximumMemory: 3000)
        try await serving(.memory, options) { page, worker in
            let put = "put 0 0 60 1000\r\n\(String(repeating: "b", count: 1000))\r\n"
            try await page.send(Array((put + put + put).utf8))
            var lines: [String] = []
            for _ in 0..<3 { lines.append(try await page.line()) }
            #expect(lines == ["INSERTED 1", "INSERTED 2", "OUT_OF_MEMORY"])
            try await worker.send(Array("reserve\r\nreserve\r\n".utf8))
            for _ in 0..<2 { _ = try await worker.body() }
            // Even that is more than there may be: a job takes more than its body.
            try await page.send(Array("put 0 0 60 400\r\n\(String(repeating: "b", count: 400))\r\n".utf8))
            #expect(try await page.line() == "INSERTED 4")
            try await body(page, worker)
        }
    }

    @Test func queueThatIsFullCanBeWorkedOff() async throws {
        try await servingWithoutMemory { page, worker in
            try await worker.expect("finish 1 9\r\nsomething\r\n", "FINISHED\r\n")
            try await worker.expect("finish 2 0\r\n\r\n", "FINISHED\r\n")
            try await page.expect("put 0 0 60 1\r\nx\r\n", "INSERTED 5\r\n")
        }
    }

    @Test func whatWorkersSayIsTheSameHoweverItIsCut() async throws {
        try await servingWithoutMemory { _, worker in
            for command in ["fail 1 0 10\r\n0123456789\r\nreserve-job 1\r\n", "finish 2 0\r\n\r\n"] {
                for byte in command.utf8 {
                    try await worker.send([byte])
                    // So that each byte is received by itself.
                    _ = try await servers.yield()
                }
            }
            #expect(try await worker.line() == "RELEASED")
            #expect(try await worker.line() == "RESERVED 1 1000")
            _ = try await worker.line()
            #expect(try await worker.line() == "FINISHED")
        }
    }

    @Test func workerOfACancelledJobIsToldSoWhateverElseThereIs() async throws {
        try await serving(.memory, ServerOptions(maximumJobSize: 1000, maximumMemory: 5000)) { page, worker in
            try await page.expect("put 0 0 60 1\r\nx\r\n", "INSERTED 1\r\n")
            try await worker.expect("reserve\r\n", "RESERVED 1 1\r\nx\r\n")
            try await page.expect("cancel 1\r\n", "CANCELLED\r\n")
            let result = String(repeating: "r", count: 6000)
            try await worker.expect("finish 1 6000\r\n\(result)\r\n", "CANCELLED\r\n")
        }
    }

    @Test func resultOfAnothersJobTakesNoMemory() async throws {
        try await serving(.memory, ServerOptions(maximumJobSize: 1000, maximumMemory: 5000)) { page, worker in
            try await worker.expect("put 0 0 60 1\r\nx\r\nreserve\r\n", "INSERTED 1\r\nRESERVED 1 1\r\nx\r\n")
            let part = String(repeating: "r", count: 4900)
            try await page.send(Array("finish 1 5000\r\n\(part)".utf8))
            // What has arrived is not kept, so that there is room for a job.
            for _ in 0..<20 { try await servers.yield() }
            try await worker.expect("put 0 0 60 900\r\n\(part.prefix(900))\r\n", "INSERTED 2\r\n")
            try await page.expect(
                "\(part.prefix(100))\r\nfinish 1 2\r\nabcdefgh\r\n", "NOT_FOUND\r\nNOT_FOUND\r\nUNKNOWN_COMMAND\r\n")
        }
    }

    @Test func outcomeThatIsTooLargeByItselfLeavesTheOthers() async throws {
        try await serving(.memory, ServerOptions(maximumOutcomeBytes: 10_000)) { page, _ in
            for (id, size) in [(1, 10), (2, 10_000)] {
                try await page.expect(
                    "put 0 0 60 0 keep:60\r\n\r\nreserve\r\nfinish \(id) \(size)\r\n"
                        + "\(String(repeating: "r", count: size))\r\n",
                    "INSERTED \(id)\r\nRESERVED \(id) 0\r\n\r\nFINISHED\r\n")
            }
            try await page.expect("state 2\r\nstate 1\r\n", "NOT_FOUND\r\nSTATE 1 done 1 0 0 100 10\r\nrrrrrrrrrr\r\n")
        }
    }

    @Test func oldestOutcomesAreDroppedFirst() async throws {
        try await serving(.memory, ServerOptions(maximumOutcomeBytes: 10_000)) { page, _ in
            for id in 1...12 {
                try await page.expect(
                    "put 0 0 60 0 keep:60\r\n\r\nreserve\r\nfinish \(id) 1000\r\n"
                        + "\(String(repeating: "r", count: 1000))\r\n",
                    "INSERTED \(id)\r\nRESERVED \(id) 0\r\n\r\nFINISHED\r\n")
            }
            try await page.expect("state 5\r\nstate 6\r\n", "NOT_FOUND\r\nSTATE 6 done 1 0 0 100 1000\r\n")
            _ = try await page.bytes(1002)
            try await page.send(Array("stats\r\n".utf8))
            let statistics = try await page.body()
            for line in ["current-outcomes: 7", "outcomes-dropped: 5", "max-outcome-bytes: 10000", "cmd-finish: 12"] {
                #expect(statistics.contains("\(line)\n"))
            }
        }
    }

    @Test func pageThatDoesNotReadMissesReportsButNotTheEnd() async throws {
        try await serving { page, worker in
            try await worker.expect("put 0 0 60 1\r\nx\r\nreserve\r\n", "INSERTED 1\r\nRESERVED 1 1\r\nx\r\n")
            try await page.expect("follow 1 200\r\n", "STATE 1 running 1 0 0 0 0\r\n\r\n")
            let text = String(repeating: "t", count: 400)
            let reports = (0..<100).map { "progress 1 \($0) \(text)\r\n" }.joined()
            // More than the buffers between the two ever take.
            let rounds = 200
            for _ in 0..<rounds {
                try await worker.expect(reports, String(repeating: "TOUCHED\r\n", count: 100))
            }
            try await worker.expect("finish 1 3\r\nend\r\n", "FINISHED\r\n")
            var last = ""
            var count = 0
            while !last.contains(" done ") {
                last = try await page.line()
                _ = try await page.line()
                count += 1
            }
            #expect(last.hasPrefix("STATE 1 done 1 0 ") && count < rounds * 100)
        }
    }

    @Test func pageThatIsGoneWaitsNoMore() async throws {
        try await servers.serving(.memory, ServerOptions()) { listener, _ in
            let page = try await servers.connect(listener)
            try await page.expect("put 0 0 60 1\r\nx\r\n", "INSERTED 1\r\n")
            let others = try await [servers.connect(listener), servers.connect(listener), servers.connect(listener)]
            for other in others { try await other.send(Array("wait 1 200\r\n".utf8)) }
            try await waitUntil { try await page.statistics().contains("current-followers: 3\n") }
            others[0].close()
            try await waitUntil { try await page.statistics().contains("current-followers: 2\n") }
            // One that can say nothing any more is told how it is.
            try others[2].connection.shutdown(.sending)
            let line = try await others[2].line()
            #expect(line.hasPrefix("STATE 1 waiting 0 0 "))
            try await page.expect("cancel 1\r\n", "CANCELLED\r\n")
            try await others[1].expect("", "STATE 1 cancelled 0 0 0 0 0\r\n\r\n")
        }
    }

    @Test func everythingIsThereAfterARestart() async throws {
        let folder = TemporaryFolder()
        func run(_ body: (Client) async throws -> Void) async throws {
            try await Servers(try EventLoop()).serving(folder: folder.path) { servers, listener in
                try await body(try await servers.connect(listener))
            }
        }
        try await run { client in
            for (tags, commands) in [
                ("keep:60", "reserve\r\nfinish 1 4\r\ndone\r\n"), ("keep:60", "cancel 2\r\n"),
                ("keep:60 attempts:1", "reserve\r\nfail 3 0 3\r\nwhy\r\n"), ("attempts:3", "reserve\r\n"),
                ("attempts:1", "reserve\r\n"), ("idp:k:60", "reserve\r\ndelete 6\r\n"),
                ("idp:l lease:connection", "reserve\r\n"),
            ] {
                try await client.send(Array("put 0 0 60 1 \(tags)\r\nx\r\n\(commands)stats-job 999\r\n".utf8))
                while try await client.line() != "NOT_FOUND" {}
            }
        }
        try await run { client in
            try await client.expect("state 1\r\n", "STATE 1 done 1 0 0 100 4\r\ndone\r\n")
            try await client.expect("state 2\r\n", "STATE 2 cancelled 0 0 0 0 0\r\n\r\n")
            try await client.expect("state 3\r\n", "STATE 3 failed 1 1 0 0 3\r\nwhy\r\n")
            try await client.expect("state 4\r\n", "STATE 4 waiting 1 3 0 0 41\r\n\(Self.loss)\r\n")
            try await client.expect("state 5\r\n", "STATE 5 failed 1 1 0 0 41\r\n\(Self.loss)\r\n")
            try await client.expect(
                "put 0 0 1 0 idp:k\r\n\r\nput 0 0 1 0 idp:l\r\n\r\n", "INSERTED 6 DELETED\r\nINSERTED 7 READY\r\n")
            try await client.expect("delete 3\r\nstate 3\r\n", "DELETED\r\nSTATE 3 failed 1 1 0 0 3\r\nwhy\r\n")
            try await client.expect(
                "reserve-job 7\r\nreserve-with-timeout 2\r\n", "RESERVED 7 1\r\nx\r\nRESERVED 4 1\r\nx\r\n")
        }
    }

    // MARK: Moving jobs

    @Test(arguments: Storage.allCases) func jobIsDescribedAsItCanBePut(storage: Storage) async throws {
        try await serving(storage) { page, worker in
            try await page.expect("describe-job 1\r\n", "NOT_FOUND\r\n")
            try await page.expect(
                "use t\r\nput 4294967295 0 4294967295 1\r\nx\r\ndescribe-job 1\r\n",
                "USING t\r\nINSERTED 1\r\nDESCRIBED 1 t ready 0 0 4294967295 0 4294967295 0\r\n\r\n")
            let tags = "idp:k:7 keep:8 attempts:9 backoff:1:2 lease:connection tried:3 counts:4:5:6:7:8"
            try await page.expect(
                "put 1 50 3 5 \(tags) state:buried reason:4\r\nno\r\nx\r\n", "INSERTED 2\r\n")
            try await page.expect(
                "describe-job 2\r\npeek 2\r\nstate 2\r\n",
                "DESCRIBED 2 t buried 0 0 1 50 3 4 \(tags)\r\nno\r\n\r\n"
                    + "FOUND 2 1\r\nx\r\nSTATE 2 failed 3 9 0 0 4\r\nno\r\n\r\n"
            )
            // Of a reserved job this attempt counts; the reason is still that of the one before.
            try await worker.expect("reserve-job 2\r\n", "RESERVED 2 1\r\nx\r\n")
            try await page.expect(
                "describe-job 2\r\n",
                "DESCRIBED 2 t reserved 0 3 1 50 3 4 \(tags.replacing("tried:3 counts:4", with: "tried:4 counts:5"))"
                    + "\r\nno\r\n\r\n")
            // Without tags that say how it is to be treated it is an ordinary job.
            try await page.expect("put 0 0 1 0 counts:1:0:0:0:0\r\n\r\n", "INSERTED 3\r\n")
            try await page.expect(
                "describe-job 3\r\nput 0 0 1 2 reason:3\r\nab\r\nput 0 0 1 2 state:no\r\nab\r\n",
                "DESCRIBED 3 t ready 0 0 0 0 1 0 counts:1:0:0:0:0\r\n\r\nBAD_FORMAT\r\nBAD_FORMAT\r\n")
        }
    }

    @Test func movedJobIsTheSameAfterARestart() async throws {
        let folder = TemporaryFolder()
        func run(_ body: (Client) async throws -> Void) async throws {
            try await Servers(try EventLoop()).serving(folder: folder.path) { servers, listener in
                try await body(try await servers.connect(listener))
            }
        }
        try await run { client in
            try await client.expect(
                "put 9 50 3 5 attempts:5 tried:2 counts:3:4:5:6:7 state:buried reason:4\r\nno\r\nx\r\n"
                    + "put 9 0 3 5 attempts:5 tried:5 reason:4\r\nno\r\nx\r\n" + "put 9 0 3 1 tried:1\r\nx\r\n",
                "INSERTED 1\r\nINSERTED 2\r\nINSERTED 3\r\n")
        }
        for _ in 0..<2 {
            try await run { client in
                try await client.expect(
                    "describe-job 1\r\ndescribe-job 2\r\ndescribe-job 3\r\n",
                    "DESCRIBED 1 default buried 0 0 9 50 3 4 attempts:5 tried:2 counts:3:4:5:6:7\r\nno\r\n\r\n"
                        + "DESCRIBED 2 default buried 0 0 9 0 3 4 attempts:5 tried:5 counts:5:0:0:0:0\r\nno\r\n\r\n"
                        + "DESCRIBED 3 default ready 0 0 9 0 3 0 tried:1 counts:1:0:0:0:0\r\n\r\n")
            }
        }
    }
}
