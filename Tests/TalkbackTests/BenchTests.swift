// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import TestSupport
import Testing

/// `talkback bench` against `talkback serve`.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct BenchTests {
    private func bench(_ server: TCPQueueServer, _ arguments: String...) throws -> Program {
        try Program("talkback", ["bench", "--address", "\(server.address)"] + arguments)
    }

    /// No job, and no tube but the one that is always there.
    private func expectNothingLeft(on server: TCPQueueServer) throws {
        for state in ["ready", "delayed", "reserved", "buried"] {
            #expect(try server.statistic("current-jobs-\(state)") == "0")
        }
        #expect(try server.statistic("current-tubes") == "1")
    }

    private func expectRising(_ latency: JSON?) throws {
        let latency = try #require(latency)
        let values = ["p50", "p90", "p99", "p999", "max"].compactMap { latency.number($0) }
        #expect(values.count == 5 && values == values.sorted() && values[0] > 0)
    }

    // MARK: Figures

    @Test func cyclesAreCountedAsTheServerCountsThem() throws {
        let server = try TCPQueueServer()
        let outcome = try bench(server, "--seconds", "0.3", "--connections", "3", "--json").outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        let report = try JSON(outcome.output)
        let cycles = try #require(report.number("cycles"))
        let seconds = try #require(report.number("seconds"))
        #expect(cycles >= 3 && seconds >= 0.3)
        #expect(abs(try #require(report.number("cycles_per_second")) - cycles / seconds) < 0.1)
        #expect(report.number("connections") == 3 && report.number("size") == 64)
        #expect(report.text("address") == "\(server.address)")
        for command in ["put", "reserve", "delete"] {
            try expectRising(report.object("latency")?.object(command))
            #expect(try server.statistic("cmd-\(command)") == "\(Int(cycles))")
        }
        try expectNothingLeft(on: server)
    }

    @Test func pipelinedPutsAreCountedAsTheServerCountsThem() throws {
        let server = try TCPQueueServer()
        let outcome = try bench(
            server, "--seconds", "0.3", "--connections", "2", "--pipeline", "1000", "--json"
        ).outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        let report = try JSON(outcome.output)
        let puts = try #require(report.number("puts"))
        #expect(puts >= 2000 && puts.truncatingRemainder(dividingBy: 2000) == 0)
        #expect(report.number("pipeline") == 1000 && report.number("cycles") == nil)
        try expectRising(report.object("latency")?.object("all puts of a go"))
        #expect(try server.statistic("cmd-put") == "\(Int(puts))")
        #expect(try server.statistic("cmd-delete") == "\(Int(puts))")
        try expectNothingLeft(on: server)
    }

    /// None, and more than a socket takes at once.
    @Test(arguments: ["0", "1", "1000000"], ["1", "2"])
    func bodiesAreOfAnySize(size: String, connections: String) throws {
        let server = try TCPQueueServer()
        for pipeline in [[], ["--pipeline", "20"]] {
            let arguments = ["--address", "\(server.address)", "--size", size, "--connections", connections]
            let outcome = try Program("talkback", ["bench", "--seconds", "0.1", "--json"] + arguments + pipeline)
                .outcome()
            #expect(outcome.status == 0 && outcome.errors.isEmpty)
            #expect(try JSON(outcome.output).number("size") == Double(size))
        }
        try expectNothingLeft(on: server)
    }

    @Test func figuresForPeople() throws {
        let server = try TCPQueueServer()
        let lines = try bench(server, "--seconds", "0.1", "--connections", "1").outcome().output.split(
            separator: "\n", omittingEmptySubsequences: false)
        try #require(lines.count == 8)
        #expect(lines[0].hasPrefix("\(server.address), version ") && lines[0].contains(": 1 connection, 64 bytes, 0."))
        #expect(lines[1].hasSuffix(" cycles/s, of a put, a reserve and a delete each"))
        #expect(lines[3].split(separator: " ") == ["microseconds", "p50", "p90", "p99", "p99.9", "max"])
        #expect(lines[4...6].map { $0.split(separator: " ").first } == ["put", "reserve", "delete"])
        #expect(lines[3...6].allSatisfy { $0.count == lines[3].count })
        let pipelined = try bench(server, "--seconds", "0.1", "--pipeline", "10").outcome().output
        #expect(pipelined.contains(" puts/s, 10 in one go\n") && pipelined.contains("\nall puts of a go "))
    }

    // MARK: Early ends

    @Test(arguments: [[], ["--pipeline", "100"]])
    func signalEndsItWithFigures(mode: [String]) throws {
        let server = try TCPQueueServer()
        let program = try Program(
            "talkback", ["bench", "--address", "\(server.address)", "--seconds", "1000", "--json"] + mode)
        while try server.statistic("cmd-delete") == "0" { #expect(program.isRunning) }
        let outcome = program.end(SIGINT)
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        let report = try JSON(outcome.output)
        let puts = try #require(report.number("cycles") ?? report.number("puts"))
        #expect(try server.statistic("cmd-put") == "\(Int(puts))")
        try expectNothingLeft(on: server)
    }

    @Test(arguments: [[], ["--pipeline", "100", "--connections", "3"]])
    func refusalIsAnErrorThatLeavesNothing(mode: [String]) throws {
        let server = try TCPQueueServer()
        let program = try Program(
            "talkback", ["bench", "--address", "\(server.address)", "--seconds", "1000"] + mode)
        while try server.statistic("cmd-delete") == "0" { #expect(program.isRunning) }
        server.drain()
        let outcome = program.outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors == "Error: put: the server answered DRAINING\n")
        try expectNothingLeft(on: server)
    }

    @Test func serverThatGoesIsAnError() throws {
        let server = try TCPQueueServer()
        let program = try bench(server, "--seconds", "1000")
        while try server.statistic("cmd-delete") == "0" { #expect(program.isRunning) }
        server.kill()
        let outcome = program.outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors.contains("warning: jobs may be left in the tube talkback-bench-"))
        #expect(outcome.errors.contains("\nError: "))
    }

    @Test func bodyThatIsTooLargeIsAnError() throws {
        let server = try TCPQueueServer()
        let outcome = try bench(server, "--size", "2000000").outcome()
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == """
                Error: put: the body has 2000000 bytes, and the server takes at most 1048576; its option \
                --max-job-size (beanstalkd: -z) sets the limit\n
                """)
    }

    @Test func nobodyThereIsAnError() throws {
        let server = try TCPQueueServer()
        server.kill()
        let outcome = try bench(server).outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("\(server.address): Connection refused"))
    }

    // MARK: Tubes of others

    @Test func tubeWithJobsIsRefused() throws {
        let server = try TCPQueueServer()
        try server.say("use emails\r\nput 0 1000 10 1\r\nx\r\nput 0 0 10 1\r\ny\r\n")
        let outcome = try bench(server, "--tube", "emails").outcome()
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == "Error: --tube emails: there are 2 jobs in it, which the load would take\n")
        #expect(try server.statistic("current-jobs-ready") == "1")
        #expect(try server.statistic("cmd-put") == "2")
    }

    @Test func tubeWithWorkersIsRefused() throws {
        let server = try TCPQueueServer()
        let worker = try Socket.connect(to: server.address)
        try worker.sendAll("watch emails\r\nreserve\r\n")
        while try server.statistic("current-waiting") != "1" {}
        let outcome = try bench(server, "--tube", "emails").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors.hasPrefix("Error: --tube emails: 1 workers wait for its jobs"))
        #expect(try server.statistic("cmd-put") == "0")
        withExtendedLifetime(worker) {}
    }

    @Test(arguments: ["default", "emails"])
    func emptyTubeCanBeUsed(tube: String) throws {
        let server = try TCPQueueServer()
        let outcome = try bench(server, "--tube", tube, "--seconds", "0.1").outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        try expectNothingLeft(on: server)
    }

    /// The load reserves a job that it has not put: it says so, and does not delete it.
    @Test func jobOfSomebodyElseIsNotDeleted() throws {
        let server = try TCPQueueServer()
        let program = try bench(server, "--tube", "emails", "--seconds", "1000", "--connections", "1")
        while try server.statistic("cmd-delete") == "0" { #expect(program.isRunning) }
        try server.say("use emails\r\nput 0 0 10 64\r\n\(String(repeating: "x", count: 64))\r\n")
        let outcome = program.outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("Error: reserve: the server answered RESERVED "))
        #expect(try server.say("watch emails\r\nreserve-with-timeout 0\r\n").contains("xxxxxxxx"))
    }

    // MARK: Arguments

    @Test(
        arguments: [
            ["--connections", "0"], ["--seconds", "0"], ["--size", "-1"], ["--pipeline", "0"], ["--tube", "a b"],
            ["--pipeline", "10000000", "--size", "1000"], ["--address", "nowhere"], ["more"],
        ])
    func argumentsThatAreWrong(arguments: [String]) throws {
        let outcome = try Program("talkback", ["bench"] + arguments).outcome()
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: "))
    }
}
