// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import TestSupport
import Testing

/// `talkback watch` of a `talkback serve`, where standard output is no terminal.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct WatchTests {
    private func watch(_ address: SocketAddress, _ arguments: String...) throws -> Program {
        try Program("talkback", ["watch", "--address", "\(address)"] + arguments)
    }

    private static let someJobs = """
        use emails\r\nput 0 0 10 1\r\na\r\nput 0 0 10 1\r\nb\r\nput 0 1000 10 1\r\nc\r\nput 1 0 10 1\r\nd\r\n\
        reserve-job 4\r\nbury 4 0\r\npause-tube emails 1000\r\n
        """

    @Test(arguments: [[], ["--once"]])
    func tableIsPrintedOnce(arguments: [String]) throws {
        let server = try TCPQueueServer()
        try server.say(Self.someJobs)
        let outcome = try Program("talkback", ["watch", "--address", "\(server.address)"] + arguments).outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
        try #require(lines.count == 7)
        #expect(lines[0].hasPrefix("\(server.address)  version ") && lines[0].contains(", 1 connection  "))
        #expect(lines[3].split(separator: " ") == ["2", "tubes", "2", "1", "0", "1", "0", "-", "-", "-"])
        #expect(lines[4].split(separator: " ") == ["default", "0", "0", "0", "0", "0", "-", "-", "-"])
        #expect(lines[5].hasPrefix("emails ") && lines[5].contains(" 16 min "))
    }

    @Test func jsonHasEveryField() throws {
        let server = try TCPQueueServer()
        try server.say(Self.someJobs)
        let worker = try Socket.connect(to: server.address)
        try worker.sendAll("watch emails\r\nreserve\r\n")
        while try server.statistic("current-waiting") != "1" {}
        let outcome = try watch(server.address, "--json").outcome()
        #expect(outcome.status == 0 && outcome.output.filter { $0 == "\n" }.count == 1)
        let report = try JSON(outcome.output)
        #expect(report.text("address") == "\(server.address)")
        #expect(report.number("connections") == 2)
        #expect(try #require(report.number("uptime")) >= 0)
        #expect(try report.text("version").map { "\"\($0)\"" } == server.statistic("version"))
        #expect(report.objects("tubes").map { $0.text("name") } == ["default", "emails"])
        let tube = try #require(report.objects("tubes").last)
        let expected = ["ready": 2.0, "delayed": 1, "reserved": 0, "buried": 1, "waiting": 1]
        for (name, number) in expected {
            #expect(tube.number(name) == number)
            #expect(report.object("total")?.number(name) == (name == "waiting" ? 2 : number))
        }
        #expect(tube.number("puts_per_second") == nil)
        let left = try #require(tube.number("paused_for"))
        #expect((900...1000).contains(left))
        withExtendedLifetime(worker) {}
    }

    @Test func ratesAreThoseBetweenTwoLooks() throws {
        let server = try TCPQueueServer()
        let program = try watch(server.address, "--json", "--interval", "0.2")
        _ = program.line()
        let job = "put 0 0 10 1\r\na\r\n"
        try server.say("use new\r\n" + String(repeating: job, count: 1000) + "reserve-job 1\r\ndelete 1\r\n")
        // Where others use the machine, two looks may be any time apart, and a look may come between two of these
        // commands.
        var (puts, deletes) = (0.0, 0.0)
        while deletes == 0 {
            let total = try #require(try JSON(program.line()).object("total"))
            puts = try max(puts, #require(total.number("puts_per_second")))
            deletes = try #require(total.number("deletes_per_second"))
        }
        #expect(puts > 0)
        #expect(program.end(SIGKILL).status == -SIGKILL)
    }

    @Test func oneTableCanHaveRates() throws {
        let server = try TCPQueueServer()
        let outcome = try watch(server.address, "--once", "--interval", "0.1").outcome()
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 6 && lines[4].hasSuffix("      0.0        0.0"))
    }

    @Test func tubesComeAndGo() throws {
        let server = try TCPQueueServer()
        let program = try watch(server.address, "--json", "--interval", "0.05")
        func waitForTubes(_ names: [String]) throws {
            while try JSON(program.line()).objects("tubes").compactMap({ $0.text("name") }) != names {}
        }
        try waitForTubes(["default"])
        try server.say("use one\r\nput 0 0 10 1\r\na\r\n")
        try waitForTubes(["default", "one"])
        try server.say("delete 1\r\n")
        try waitForTubes(["default"])
        #expect(program.end(SIGKILL).status == -SIGKILL)
    }

    @Test func serverGoesAndComesBack() throws {
        var server = try TCPQueueServer()
        let port = try #require(server.address.port)
        let program = try watch(server.address, "--json", "--interval", "0.05")
        #expect(try JSON(program.line()).objects("tubes").count == 1)
        server.kill()
        let complaint = program.errorLine()
        // Whichever of its questions finds the server gone.
        #expect(complaint.hasPrefix("ask for ") || complaint.hasPrefix("list tubes: "))
        #expect(complaint.hasSuffix("; trying again"))
        server = try TCPQueueServer(port: port)
        try server.say("use back\r\nput 0 0 10 1\r\na\r\n")
        while try JSON(program.line()).objects("tubes").count != 2 {}
        #expect(program.end(SIGKILL).status == -SIGKILL)
    }

    @Test func manyTubesAreAllShown() throws {
        let server = try TCPQueueServer()
        try server.say((0..<2345).map { "use tube-\($0)\r\nput 0 0 10 1\r\na\r\n" }.joined())
        let report = try JSON(try watch(server.address, "--json").outcome().output)
        #expect(report.objects("tubes").count == 2346 && report.object("total")?.number("ready") == 2345)
    }

    // MARK: Errors

    @Test func nobodyThereIsAnError() throws {
        let server = try TCPQueueServer()
        server.kill()
        let outcome = try watch(server.address, "--once").outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(
            outcome.errors == """
                Error: ask for statistics: connect \(server.address): Connection refused (ECONNREFUSED)\n
                """)
    }

    @Test(arguments: [["--address", "nowhere"], ["--interval", "0"], ["--interval", "x"], ["more"]])
    func argumentsThatAreWrong(arguments: [String]) throws {
        let outcome = try Program("talkback", ["watch"] + arguments).outcome()
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: "))
    }

    @Test func environmentNamesTheServer() throws {
        let server = try TCPQueueServer()
        let set = try Program(shell: "TALKBACK_ADDRESS=\(server.address) talkback watch --once").outcome()
        #expect(set.status == 0 && set.output.hasPrefix("\(server.address)  "))
        let wrong = try Program(shell: "TALKBACK_ADDRESS=nowhere talkback watch --once").outcome()
        #expect(wrong.status == 64)
        #expect(wrong.errors.hasPrefix("Error: TALKBACK_ADDRESS takes HOST:PORT or unix:PATH, not \"nowhere\"."))
        let other = try Program(
            shell: "TALKBACK_ADDRESS=nowhere talkback watch --once --address \(server.address)"
        ).outcome()
        #expect(other.status == 0)
    }

    @Test func outputThatNobodyReadsEndsIt() throws {
        let server = try TCPQueueServer()
        let outcome = try Program(
            shell: "{ talkback watch --address \(server.address) --json --interval 0.05; echo $? >&2; } | head -n 1"
        ).outcome()
        #expect(outcome.output.hasPrefix("{") && outcome.errors == "141\n")
    }
}
