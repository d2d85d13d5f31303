// SPDX-License-Identifier: Apache-2.0

import BeanstalkProtocol
import TestSupport
import Testing

@testable import TalkbackServer

/// No reply leaves before everything that it shows is in the store.
///
/// Each scenario says which mutations there are and which of them its reply shows, whatever the table of narrowings
/// says. The store then takes them one at a time.
@Suite(.timeLimit(.minutes(5)))
struct DurabilityTests {
    struct Scenario: Sendable, CustomTestStringConvertible {
        /// Whose row decides when the reply leaves.
        let origin: ReplyOrigin
        /// What others have done that is stored.
        var stored = ""
        /// What the client has done that is stored.
        var own = ""
        /// A command of the client that waits before the rest happens.
        var waits = ""
        /// What others do that is not stored yet.
        var unstored = ""
        /// What the client does then; empty for the end of what it sends.
        var command = ""
        /// How the reply begins.
        let reply: String
        /// Which of the mutations since then the reply shows, all before it included; the first is 1.
        let shows: UInt64
        /// How many mutations there are. More than it shows: the reply does not wait for the others.
        let count: UInt64

        var testDescription: String { "\(origin) \(command.debugDescription) \(reply.debugDescription)" }
    }

    private static let put = "put 0 0 60 1\r\nx\r\n"
    private static let putElsewhere = "use other\r\nput 0 0 60 1\r\ny\r\n"
    private static let held = put + "reserve\r\n"

    static let scenarios: [Scenario] = [
        Scenario(origin: .command(.put), command: put, reply: "INSERTED 1\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.put), unstored: "put 0 0 60 1 idp:k\r\nx\r\n" + putElsewhere,
            command: "put 0 0 60 1 idp:k\r\nx\r\n", reply: "INSERTED 1 READY\r\n", shows: 1, count: 2),
        Scenario(
            origin: .command(.put), stored: "put 0 0 60 1 idp:k:60\r\nx\r\n", unstored: "delete 1\r\n" + putElsewhere,
            command: "put 0 0 60 1 idp:k\r\nx\r\n", reply: "INSERTED 1 DELETED\r\n", shows: 1, count: 2),

        Scenario(
            origin: .command(.reserve), unstored: put + putElsewhere, command: "reserve\r\n", reply: "RESERVED 1 1\r\n",
            shows: 1, count: 2),
        Scenario(
            origin: .command(.reserveWithTimeout), unstored: put + putElsewhere, command: "reserve-with-timeout 9\r\n",
            reply: "RESERVED 1 1\r\n", shows: 1, count: 2),
        Scenario(
            origin: .command(.reserveWithTimeout), stored: held, unstored: "delete 1\r\n",
            command: "reserve-with-timeout 0\r\n", reply: "TIMED_OUT\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.reserveJob), unstored: put + putElsewhere, command: "reserve-job 1\r\n",
            reply: "RESERVED 1 1\r\n", shows: 1, count: 2),
        Scenario(
            origin: .command(.reserveJob), stored: put, unstored: "delete 1\r\n", command: "reserve-job 1\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),

        Scenario(
            origin: .command(.delete), own: held, command: "delete 1\r\n", reply: "DELETED\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.delete), stored: put, unstored: "delete 1\r\n", command: "delete 1\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.release), own: held, command: "release 1 5 0\r\n", reply: "RELEASED\r\n", shows: 1,
            count: 1),
        Scenario(
            origin: .command(.release), own: held, unstored: "cancel 1\r\n", command: "release 1 5 0\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.bury), own: held, command: "bury 1 5\r\n", reply: "BURIED\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.bury), own: held, unstored: "cancel 1\r\n", command: "bury 1 5\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.touch), own: held, unstored: putElsewhere, command: "touch 1\r\n", reply: "TOUCHED\r\n",
            shows: 0, count: 1),
        Scenario(
            origin: .command(.touch), own: held, unstored: "cancel 1\r\n", command: "touch 1\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.progress), own: held, unstored: putElsewhere, command: "progress 1 5\r\n",
            reply: "TOUCHED\r\n", shows: 0, count: 1),
        Scenario(
            origin: .command(.progress), own: held, unstored: "cancel 1\r\n", command: "progress 1 5\r\n",
            reply: "CANCELLED\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.finish), own: held, command: "finish 1 2\r\nok\r\n", reply: "FINISHED\r\n", shows: 1,
            count: 1),
        Scenario(
            origin: .command(.finish), own: held, unstored: "cancel 1\r\n", command: "finish 1 2\r\nok\r\n",
            reply: "CANCELLED\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.fail), own: held, command: "fail 1 9 3\r\nwhy\r\n", reply: "RELEASED\r\n", shows: 1,
            count: 1),
        Scenario(
            origin: .command(.fail), own: held, command: "fail 1 never 3\r\nwhy\r\n", reply: "BURIED\r\n", shows: 1,
            count: 1),

        Scenario(
            origin: .command(.peek), unstored: put + putElsewhere, command: "peek 1\r\n", reply: "FOUND 1 1\r\n",
            shows: 1, count: 2),
        Scenario(
            origin: .command(.peek), stored: put, unstored: "delete 1\r\n", command: "peek 1\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.peekReady), unstored: put + putElsewhere, command: "peek-ready\r\n",
            reply: "FOUND 1 1\r\n", shows: 1, count: 2),
        Scenario(
            origin: .command(.peekReady), stored: put, unstored: "delete 1\r\n", command: "peek-ready\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.peekDelayed), unstored: "put 0 99 60 1\r\nx\r\n" + putElsewhere,
            command: "peek-delayed\r\n", reply: "FOUND 1 1\r\n", shows: 1, count: 2),
        Scenario(
            origin: .command(.peekBuried), stored: held, unstored: "bury 1 0\r\n" + putElsewhere,
            command: "peek-buried\r\n", reply: "FOUND 1 1\r\n", shows: 1, count: 2),
        Scenario(
            origin: .command(.kick), stored: held + "bury 1 0\r\n", command: "kick 9\r\n", reply: "KICKED 1\r\n",
            shows: 1, count: 1),
        Scenario(
            origin: .command(.kick), stored: held + "bury 1 0\r\n", unstored: "kick-job 1\r\n", command: "kick 9\r\n",
            reply: "KICKED 0\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.kickJob), stored: held + "bury 1 0\r\n", command: "kick-job 1\r\n", reply: "KICKED\r\n",
            shows: 1, count: 1),
        Scenario(
            origin: .command(.kickJob), stored: held + "bury 1 0\r\n", unstored: "kick-job 1\r\n",
            command: "kick-job 1\r\n", reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.pauseTube), command: "pause-tube default 9\r\n", reply: "PAUSED\r\n", shows: 1, count: 1),

        Scenario(origin: .command(.stats), unstored: put, command: "stats\r\n", reply: "OK ", shows: 1, count: 1),
        Scenario(
            origin: .command(.statsJob), unstored: put + putElsewhere, command: "stats-job 1\r\n", reply: "OK ",
            shows: 1, count: 2),
        Scenario(
            origin: .command(.statsJob), stored: put, unstored: "delete 1\r\n", command: "stats-job 1\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.statsTube), unstored: put, command: "stats-tube default\r\n", reply: "OK ", shows: 1,
            count: 1),
        Scenario(
            origin: .command(.statsTube), stored: putElsewhere + "use default\r\n", unstored: "delete 1\r\n",
            command: "stats-tube other\r\n", reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.listTubes), unstored: putElsewhere, command: "list-tubes\r\n", reply: "OK ", shows: 1,
            count: 1),

        Scenario(
            origin: .command(.state), unstored: put + putElsewhere, command: "state 1\r\n", reply: "STATE 1 waiting ",
            shows: 1, count: 2),
        Scenario(
            origin: .command(.describeJob), unstored: put + putElsewhere, command: "describe-job 1\r\n",
            reply: "DESCRIBED 1 ", shows: 1, count: 2),
        Scenario(
            origin: .command(.describeJob), stored: put, unstored: "delete 1\r\n", command: "describe-job 1\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.state), stored: put, unstored: "delete 1\r\n", command: "state 1\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.wait), stored: "put 0 0 60 1 keep:60\r\nx\r\nreserve\r\n",
            unstored: "finish 1 2\r\nok\r\n" + putElsewhere, command: "wait 1 9\r\n", reply: "STATE 1 done ", shows: 1,
            count: 2),
        Scenario(
            origin: .command(.follow), stored: put, unstored: "delete 1\r\n", command: "follow 1 9\r\n",
            reply: "NOT_FOUND\r\n", shows: 1, count: 1),
        Scenario(
            origin: .command(.follow), unstored: put + putElsewhere, command: "follow 1 9\r\n",
            reply: "STATE 1 waiting ", shows: 1, count: 2),
        Scenario(
            origin: .command(.cancel), stored: put, command: "cancel 1\r\n", reply: "CANCELLED\r\n", shows: 1,
            count: 1),
        Scenario(
            origin: .command(.cancel), stored: held, unstored: "bury 1 0\r\n" + putElsewhere, command: "cancel 1\r\n",
            reply: "TOO_LATE\r\n", shows: 1, count: 2),
        Scenario(
            origin: .command(.cancel), stored: "put 0 0 60 1 keep:60\r\nx\r\n", unstored: "cancel 1\r\n",
            command: "cancel 1\r\n", reply: "CANCELLED\r\n", shows: 1, count: 1),

        Scenario(
            origin: .waiting(.reserved), waits: "reserve\r\n", unstored: put + putElsewhere, command: "use a\r\n",
            reply: "RESERVED 1 1\r\n", shows: 1, count: 2),
        // The worker that gets the job must not begin an attempt that would be forgotten.
        Scenario(
            origin: .waiting(.reserved), waits: "reserve\r\n", unstored: "put 0 0 60 1 attempts:2\r\nx\r\n",
            command: "use a\r\n", reply: "RESERVED 1 1\r\n", shows: 2, count: 2),
        Scenario(
            origin: .waiting(.observed), stored: held, waits: "wait 1 99\r\n", unstored: "delete 1\r\n" + putElsewhere,
            command: "use a\r\n", reply: "STATE 1 done ", shows: 1, count: 2),
        Scenario(
            origin: .waiting(.observed), stored: held, waits: "follow 1 99\r\n",
            unstored: "release 1 0 0\r\n" + putElsewhere, command: "use a\r\n", reply: "STATE 1 waiting ", shows: 1,
            count: 2),
        Scenario(
            origin: .waiting(.timedOut), stored: held, waits: "reserve\r\n", unstored: "delete 1\r\n",
            reply: "TIMED_OUT\r\n", shows: 1, count: 1),
    ]

    /// Whose replies show nothing that is stored, and why.
    static let connections: [ReplyOrigin: String] = [
        .command(.use): "the tube that a connection uses ends with it",
        .command(.watch): "so do those that it watches",
        .command(.ignore): "likewise",
        .command(.listTubeUsed): "likewise",
        .command(.listTubesWatched): "likewise",
        .waiting(.deadlineSoon): "when a worker's time is over is not stored: after a crash it has no job",
        .refusal: "it shows what was sent, or how the server is",
    ]

    /// Calls `body` after each mutation that the store has, and before the first.
    private func run(
        _ scenario: Scenario, _ narrowings: Narrowings,
        _ body: (_ committed: UInt64, _ seen: String, SteppedServer.Peer) async throws -> Void
    ) async throws {
        try await SteppedServer.serving(narrowings) { tested in
            let (client, other) = (try tested.connect(), try tested.connect())
            try await other.exchange(scenario.stored)
            try await client.exchange(scenario.own)
            if !scenario.waits.isEmpty {
                try client.send(scenario.waits)
                try await waitUntil {
                    let statistics = try await statistics(other)
                    return statistics.contains("current-waiting: 1\n") || statistics.contains("current-followers: 1\n")
                }
                if scenario.waits.hasPrefix("follow") {
                    try await waitUntil { try client.look().hasSuffix("\r\n\r\n") }
                    client.forget()
                }
            }
            let start = tested.log.hold()
            try other.send(scenario.unstored)
            try await tested.settle()
            if scenario.command.isEmpty { try client.finishSending() } else { try client.send(scenario.command) }
            try await tested.settle(untilSubmitted: start + scenario.count)
            for committed in 0...scenario.count {
                if committed > 0 { tested.log.commit(through: start + committed) }
                try await tested.settle()
                try await body(committed, try client.look(), client)
            }
        }
    }

    private func statistics(_ peer: SteppedServer.Peer) async throws -> String {
        try peer.send("stats\r\n")
        try await waitUntil { try peer.look().hasSuffix("\n\r\n") }
        defer { peer.forget() }
        return peer.received
    }

    @Test(arguments: scenarios) func replyLeavesOnceWhatItShowsIsStored(scenario: Scenario) async throws {
        try await run(scenario, .standard) { committed, seen, client in
            if committed < scenario.shows { #expect(seen.isEmpty, "\(committed) of \(scenario.count)") }
            // And no later: for each reply that shows less than everything the scenario has a mutation more.
            if committed == scenario.shows { try await waitUntil { try client.look().hasPrefix(scenario.reply) } }
        }
    }

    @Test(arguments: scenarios) func replyThatWaitsForEverythingIsLateAtMost(scenario: Scenario) async throws {
        var narrowings = Narrowings.standard
        narrowings[scenario.origin] = .newest
        try await run(scenario, narrowings) { committed, seen, client in
            if committed < scenario.count { #expect(seen.isEmpty, "\(committed) of \(scenario.count)") }
            if committed == scenario.count { try await waitUntil { try client.look().hasPrefix(scenario.reply) } }
        }
    }

    /// The scenarios see it when a reply does not wait.
    @Test(arguments: scenarios) func replyThatWaitsForNothingIsCaught(scenario: Scenario) async throws {
        guard scenario.shows > 0 else { return }
        var narrowings = Narrowings.standard
        narrowings[scenario.origin] = .connection
        try await run(scenario, narrowings) { committed, _, client in
            if committed == 0 { try await waitUntil { try client.look().hasPrefix(scenario.reply) } }
        }
    }

    @Test func everyReplyHasAScenarioOrAReason() {
        let tested = Set(Self.scenarios.filter { $0.shows > 0 }.map(\.origin))
        for origin in ReplyOrigin.allCases where origin != .command(.quit) {
            let reason = Self.connections[origin]
            #expect(tested.contains(origin) != (reason != nil), "\(origin)")
            #expect((Narrowings.standard[origin] == .connection) == (reason != nil), "\(origin)")
        }
    }

    /// What has no row in the table waits for the newest mutation.
    @Test func tableThatIsEmptyHoldsEverything() {
        let narrowings: Narrowings = [:]
        for origin in ReplyOrigin.allCases { #expect(narrowings[origin] == .newest) }
    }

    @Test func replyThatShowsNothingStoredWaitsForNothing() async throws {
        try await SteppedServer.serving { tested in
            let (client, other) = (try tested.connect(), try tested.connect())
            try await other.exchange("")
            _ = tested.log.hold()
            try other.send("put 0 0 60 1\r\nx\r\n")
            try await tested.settle(untilSubmitted: 1)
            for (command, reply) in [
                ("use a", "USING a\r\n"), ("watch a", "WATCHING 2\r\n"), ("ignore a", "WATCHING 1\r\n"),
                ("ignore default", "NOT_IGNORED\r\n"), ("list-tube-used", "USING a\r\n"),
                ("list-tubes-watched", "OK 14\r\n---\n- default\n\r\n"), ("bogus", "UNKNOWN_COMMAND\r\n"),
                ("put 1", "BAD_FORMAT\r\n"), ("put 0 0 1 1\r\nxy", "EXPECTED_CRLF\r\n"),
            ] {
                client.forget()
                try client.send(command + "\r\n")
                try await waitUntil { try client.look() == reply }
            }
            #expect(try other.look().isEmpty)
        }
    }
}
