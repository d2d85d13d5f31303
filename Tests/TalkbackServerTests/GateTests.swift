// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import TalkbackServer

/// What connections do while the store is behind, is full, or has failed, and when the server stops.
@Suite(.timeLimit(.minutes(5)))
struct GateTests {
    private static let put = "put 0 0 60 1\r\nx\r\n"

    @Test func repliesBehindOneThatWaitsWaitToo() async throws {
        try await SteppedServer.serving { tested in
            let client = try tested.connect()
            try await client.exchange("")
            _ = tested.log.hold()
            try client.send(Self.put + "use a\r\n")
            try await tested.settle(untilSubmitted: 1)
            try client.send("use b\r\n")
            try await tested.settle()
            #expect(try client.look().isEmpty)
            try client.send(Self.put + Self.put)
            try await tested.settle(untilSubmitted: 3)
            tested.log.commit(through: 1)
            try await waitUntil { try client.look() == "INSERTED 1\r\nUSING a\r\nUSING b\r\n" }
            tested.log.commit(through: 2)
            try await tested.settle()
            // Commands that came together are answered together.
            #expect(try client.look().hasSuffix("USING b\r\n"))
            tested.log.commit(through: 3)
            try await waitUntil { try client.look().hasSuffix("INSERTED 2\r\nINSERTED 3\r\n") }
        }
    }

    /// So much is executed and not written that commands must wait; they go on without another event.
    @Test func commandsThatWaitForRoomGoOn() async throws {
        try await SteppedServer.serving { tested in
            let clients = try (0..<4).map { _ in try tested.connect() }
            try await clients[0].exchange("")
            _ = tested.log.hold()
            // Twice as much as may be executed and not written.
            let put = "put 0 0 60 100000\r\n\(String(repeating: "b", count: 100_000))\r\n"
            for client in clients { try client.begin(String(repeating: put, count: 40)) }
            var (executed, unchanged) = (UInt64.max, 0)
            while unchanged < 20 {
                for client in clients { try client.pump() }
                try await tested.settle()
                unchanged = tested.log.submitted == executed ? unchanged + 1 : 0
                executed = tested.log.submitted
            }
            #expect((80...90).contains(executed))
            for client in clients { #expect(try client.look().isEmpty) }
            try await waitUntil {
                tested.log.commit(through: tested.log.submitted)
                for client in clients { try client.pump() }
                return clients.allSatisfy { $0.received.count { $0.isNewline } == 40 }
            }
        }
    }

    @Test func failureOfTheStoreTellsNobody() async throws {
        try await SteppedServer.serving { tested in
            let (client, idle) = (try tested.connect(), try tested.connect())
            try await idle.exchange("")
            try await client.exchange("")
            _ = tested.log.hold()
            try client.send(Self.put)
            try await tested.settle(untilSubmitted: 1)
            tested.log.fail()
            try await waitUntil { try client.look().isEmpty && client.hasEnded }
            try await waitUntil { try idle.look().isEmpty && idle.hasEnded }
            #expect(client.received.isEmpty)
        }
    }

    @Test func serverThatStopsAnswersWhatItHasExecutedAndGivesNothingAway() async throws {
        try await SteppedServer.serving { tested in
            let (worker, waiting, client) = (try tested.connect(), try tested.connect(), try tested.connect())
            try await worker.exchange(Self.put + "reserve\r\n")
            try await waiting.exchange("")
            try waiting.send("reserve\r\n")
            try await tested.settle()
            let start = tested.log.hold()
            try client.send("use other\r\n" + Self.put)
            try await tested.settle(untilSubmitted: start + 1)
            #expect(tested.log.waitsForSpace)
            await tested.server.beginToStop()
            // A disk that stays full does not keep it from ending.
            #expect(!tested.log.waitsForSpace)
            // Nothing more is executed.
            try client.send(Self.put)
            try await tested.settle()
            #expect(tested.log.submitted == start + 1)
            #expect(try client.look().isEmpty)
            tested.log.commit(through: start + 1)
            try await waitUntil { try client.look() == "USING other\r\nINSERTED 2\r\n" && client.hasEnded }
            try await waitUntil { try waiting.look().isEmpty && waiting.hasEnded }
            #expect(waiting.received.isEmpty)
        }
    }

    @Test func goodByeIsAnsweredWithWhatWasExecuted() async throws {
        try await SteppedServer.serving { tested in
            let client = try tested.connect()
            try await client.exchange("")
            _ = tested.log.hold()
            try client.send(Self.put + "quit\r\n" + Self.put)
            try await tested.settle(untilSubmitted: 1)
            #expect(try client.look().isEmpty && !client.hasEnded)
            tested.log.commit(through: 1)
            try await waitUntil { try client.look() == "INSERTED 1\r\n" && client.hasEnded }
        }
    }

    @Test func fullStoreTakesNoJobsUntilItHasSpace() async throws {
        try await SteppedServer.serving { tested in
            let client = try tested.connect()
            for (isFull, reply) in [(true, "OUT_OF_MEMORY"), (false, "INSERTED 2"), (true, "OUT_OF_MEMORY")] {
                tested.log.setFull(isFull)
                try await tested.settle()
                client.forget()
                try client.send(Self.put)
                try await waitUntil { try client.look() == reply + "\r\n" }
            }
        }
    }
}
