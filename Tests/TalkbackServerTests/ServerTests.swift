// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import JobStore
import Sockets
import TalkbackServer
import TestSupport
import Testing

/// Where a server's jobs are.
enum Storage: CaseIterable {
    case memory, disk
}

/// The server over real connections, in memory and on disk. What each command does is the queue's and the protocol's
/// tests' matter.
@Suite(.timeLimit(.minutes(5)))
struct ServerTests {
    private let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    private func serving(
        _ storage: Storage, _ options: ServerOptions = ServerOptions(maximumJobSize: 1000),
        _ body: (Listener, Server) async throws -> Void
    ) async throws {
        try await Servers(loop).serving(storage, options, body)
    }

    private func connect(_ listener: Listener) async throws -> Connection {
        let connection = try await Connection.connect(to: listener.address, on: loop)
        connection.setIdleTimeout(.seconds(250))
        return connection
    }

    /// Sends, and expects exactly these bytes.
    private func expect(
        _ connection: Connection, _ commands: String, _ replies: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await connection.send(commands)
        var received: [UInt8] = []
        while received.count < replies.utf8.count {
            let count = try await connection.receive(into: &received, upTo: 4096)
            if count == 0 { break }
        }
        #expect(String(decoding: received, as: UTF8.self) == replies, sourceLocation: sourceLocation)
    }

    @Test(arguments: Storage.allCases) func jobGoesFromAProducerToAWorker(storage: Storage) async throws {
        try await serving(storage) { listener, _ in
            let (producer, worker) = (try await connect(listener), try await connect(listener))
            try await expect(producer, "put 0 0 60 5\r\nhello\r\n", "INSERTED 1\r\n")
            try await expect(worker, "reserve\r\n", "RESERVED 1 5\r\nhello\r\n")
            try await expect(worker, "delete 1\r\ndelete 1\r\n", "DELETED\r\nNOT_FOUND\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func workerThatWaitsIsServedAndThenGoesOn(storage: Storage) async throws {
        try await serving(storage) { listener, _ in
            let (producer, worker) = (try await connect(listener), try await connect(listener))
            // What comes behind a reserve that waits waits too.
            try await worker.send("reserve\r\nuse later\r\n")
            try await expect(producer, "put 0 0 60 1\r\nx\r\nstats-tube none\r\n", "INSERTED 1\r\nNOT_FOUND\r\n")
            try await expect(worker, "", "RESERVED 1 1\r\nx\r\nUSING later\r\n")
        }
    }

    @Test(arguments: Storage.allCases)
    func pipelinedCommandsAreAnsweredInOrderHoweverTheyAreCut(storage: Storage) async throws {
        let commands =
            "use a\r\nput 3 0 9 2\r\nab\r\nwatch a\r\nreserve\r\nbury # 0\r\npeek-buried\r\nkick 5\r\n"
            + "bogus\r\n"
        let replies =
            "USING a\r\nINSERTED #\r\nWATCHING 2\r\nRESERVED # 2\r\nab\r\nBURIED\r\nFOUND # 2\r\nab\r\nKICKED 1\r\n"
            + "UNKNOWN_COMMAND\r\n"
        let length = commands.utf8.count
        try await serving(storage) { listener, _ in
            for (round, cut) in stride(from: 0, to: length, by: 3).enumerated() {
                let job = round + 1
                let bytes = Array(commands.replacing("#", with: "\(job)").utf8)
                let client = try await connect(listener)
                try await client.send(Array(bytes[..<cut]))
                try await expect(
                    client, String(decoding: bytes[cut...], as: UTF8.self),
                    replies.replacing("#", with: "\(job)"))
                try await expect(client, "reserve\r\ndelete \(job)\r\n", "RESERVED \(job) 2\r\nab\r\nDELETED\r\n")
                client.close()
            }
        }
    }

    @Test(arguments: Storage.allCases) func workerThatGoesLeavesItsJobToTheNext(storage: Storage) async throws {
        try await serving(storage) { listener, _ in
            let (one, other) = (try await connect(listener), try await connect(listener))
            try await expect(one, "put 0 0 60 1\r\nx\r\nreserve\r\n", "INSERTED 1\r\nRESERVED 1 1\r\nx\r\n")
            try await other.send("reserve\r\n")
            one.close()
            try await expect(other, "", "RESERVED 1 1\r\nx\r\n")
            // One that waits and goes is forgotten, sooner or later: until then the job may be its.
            let third = try await connect(listener)
            try await third.send("reserve\r\n")
            try third.reset()
            try await expect(other, "release 1 0 0\r\nreserve\r\n", "RELEASED\r\nRESERVED 1 1\r\nx\r\n")
        }
    }

    /// Replies that wait for the store count as unsent, and stop the commands when they are too many; over TCP no event
    /// says that they have gone.
    @Test(arguments: Storage.allCases) func manyRepliesThatWaitForTheStoreStopNobody(storage: Storage) async throws {
        try await serving(storage, ServerOptions(maximumJobSize: 300_000)) { listener, _ in
            let client = try await connect(listener)
            let body = String(repeating: "b", count: 1000)
            try await expect(
                client, "put 0 0 60 1000\r\n\(body)\r\n" + String(repeating: "peek 1\r\n", count: 1000),
                "INSERTED 1\r\n" + String(repeating: "FOUND 1 1000\r\n\(body)\r\n", count: 1000))
            let large = String(repeating: "b", count: 200_000)
            try await expect(
                client, "put 0 0 60 200000\r\n\(large)\r\n" + String(repeating: "peek 2\r\n", count: 10),
                "INSERTED 2\r\n" + String(repeating: "FOUND 2 200000\r\n\(large)\r\n", count: 10))
            let puts = String(repeating: "put 0 0 60 0\r\n\r\n", count: 20_000)
            async let sending: Void = client.send(puts)
            try await expect(client, "", (3..<20_003).map { "INSERTED \($0)\r\n" }.joined())
            try await sending
        }
    }

    @Test(arguments: Storage.allCases) func halfClosedClientIsStillAnswered(storage: Storage) async throws {
        try await serving(storage) { listener, _ in
            let client = try await connect(listener)
            try await client.send("reserve\r\nlist-tube-used\r\n")
            try client.finishSending()
            #expect(
                String(decoding: try await client.receiveAll(limit: 1000), as: UTF8.self)
                    == "TIMED_OUT\r\nUSING default\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func timesPassByTheClock(storage: Storage) async throws {
        try await serving(storage) { listener, _ in
            let client = try await connect(listener)
            let start = ContinuousClock.now
            try await expect(client, "reserve-with-timeout 1\r\n", "TIMED_OUT\r\n")
            #expect(ContinuousClock.now - start >= .seconds(1))
            try await expect(
                client, "put 0 1 60 1\r\nx\r\nreserve-with-timeout 20\r\n", "INSERTED 1\r\nRESERVED 1 1\r\nx\r\n")
            #expect(ContinuousClock.now - start >= .seconds(2))
        }
    }

    @Test(arguments: Storage.allCases) func clientThatDoesNotReadKeepsNobodyElseWaiting(storage: Storage) async throws {
        try await serving(storage, ServerOptions(maximumJobSize: 1 << 20)) { listener, _ in
            let (deaf, other) = (try await connect(listener), try await connect(listener))
            let body = String(repeating: "b", count: 1 << 20)
            try await expect(deaf, "put 0 0 60 \(1 << 20)\r\n\(body)\r\n", "INSERTED 1\r\n")
            // Far more than any socket holds.
            try await deaf.send(String(repeating: "peek 1\r\n", count: 500))
            try await expect(other, "put 0 0 60 1\r\nx\r\n", "INSERTED 2\r\n")
            // It gets all of it once it reads.
            var count = 0
            let reply = "FOUND 1 \(1 << 20)\r\n".utf8.count + (1 << 20) + 2
            while count < 500 * reply { count += try await deaf.receive(upTo: 1 << 16).count }
            #expect(count == 500 * reply)
        }
    }

    @Test(arguments: Storage.allCases) func fullMemoryRefusesPutsAndNothingElse(storage: Storage) async throws {
        try await serving(storage, ServerOptions(maximumJobSize: 5000, maximumMemory: 10_000)) { listener, _ in
            let client = try await connect(listener)
            let body = String(repeating: "b", count: 3000)
            let put = "put 0 0 60 3000\r\n\(body)\r\n"
            try await expect(client, put + put + put, "INSERTED 1\r\nINSERTED 2\r\nINSERTED 3\r\n")
            try await expect(client, put + "peek 1\r\n", "OUT_OF_MEMORY\r\nFOUND 1 3000\r\n\(body)\r\n")
            // Bodies that are on their way count as they arrive, and what is refused is skipped to its end.
            let slow = try await connect(listener)
            try await expect(client, "delete 1\r\n", "DELETED\r\n")
            try await slow.send("put 0 0 60 3000\r\n" + body.prefix(2900))
            try await expect(client, "use a\r\n", "USING a\r\n")
            while true {
                try await client.send(put)
                let reply = try await client.receive(upTo: 100)
                if reply == Array("OUT_OF_MEMORY\r\n".utf8) { break }
                // It was there before the other's.
                let id = String(decoding: reply, as: UTF8.self).split(separator: " ").last ?? ""
                try await expect(client, "delete \(id)", "DELETED\r\n")
            }
            try await expect(slow, body.suffix(100) + "\r\nuse b\r\n", "INSERTED 5\r\nUSING b\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func connectionsBeyondTheLimitWait(storage: Storage) async throws {
        try await serving(storage, ServerOptions(connectionLimit: 2)) { listener, _ in
            let (one, other) = (try await connect(listener), try await connect(listener))
            try await expect(one, "use a\r\n", "USING a\r\n")
            try await expect(other, "use b\r\n", "USING b\r\n")
            let third = try await connect(listener)
            try await third.send("use c\r\n")
            await #expect(throws: SocketError.self) { try await third.receive(upTo: 10, timeout: .milliseconds(100)) }
            one.close()
            try await expect(third, "", "USING c\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func drainingServerTakesNoJobs(storage: Storage) async throws {
        try await serving(storage) { listener, server in
            let client = try await connect(listener)
            try await expect(client, "put 0 0 60 1\r\nx\r\n", "INSERTED 1\r\n")
            await server.drain()
            try await expect(
                client, "put 0 0 60 1\r\ny\r\nput 0 0 60 1\r\nyy\r\n\r\nreserve\r\n",
                "DRAINING\r\nEXPECTED_CRLF\r\nUNKNOWN_COMMAND\r\nRESERVED 1 1\r\nx\r\n")
        }
    }

    @Test(arguments: Storage.allCases) func statisticsHaveBeanstalkdsFields(storage: Storage) async throws {
        try await serving(storage) { listener, _ in
            let client = try await connect(listener)
            try await client.send("stats\r\nquit\r\n")
            let reply = String(decoding: try await client.receiveAll(limit: 10_000), as: UTF8.self)
            let lines = reply.split(whereSeparator: \.isNewline).dropFirst(2)
            #expect(lines.count == 66)
            #expect(lines.allSatisfy { $0.contains(": ") })
            #expect(lines.first == "current-jobs-urgent: 0")
            // What beanstalkd does not have comes behind all that it has.
            let own = lines.dropFirst(50)
            #expect(own.first?.hasPrefix("platform: \"") == true)
            #expect(own.dropFirst().first == "cmd-progress: 0" && own.last == "log-lines-dropped: 0")
        }
    }

    @Test(arguments: Storage.allCases) func manyClientsGetEveryJobOnce(storage: Storage) async throws {
        try await serving(storage) { listener, _ in
            let taken = try await withThrowingTaskGroup(of: [Int].self) { group in
                for number in 0..<8 {
                    group.addTask(executorPreference: loop) {
                        let connection = try await connect(listener)
                        for job in 0..<100 {
                            let body = "\(number * 100 + job)"
                            try await connection.send("put 0 0 60 \(body.utf8.count)\r\n\(body)\r\n")
                        }
                        var reader = BufferedReader(connection)
                        for _ in 0..<100 { _ = try await reader.receiveLine(limit: 100) }
                        var taken: [Int] = []
                        for _ in 0..<100 {
                            try await connection.send("reserve\r\n")
                            let line = try #require(try await reader.receiveLine(limit: 100))
                            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
                            try #require(words.first == "RESERVED")
                            let body = try #require(try await reader.receiveLine(limit: 100))
                            taken.append(try #require(Int(String(decoding: body, as: UTF8.self))))
                            try await connection.send("delete \(words[1])\r\n")
                            try #require(try await reader.receiveLine(limit: 100) == Array("DELETED".utf8))
                        }
                        return taken
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(taken.sorted() == Array(0..<800))
        }
    }
}
