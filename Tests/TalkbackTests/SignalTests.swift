// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TalkbackClient
import TestSupport
import Testing

/// What signals do to the programs that run for long, and how soon those begin and end.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct SignalTests {
    /// A program that runs for long, ready for its clients.
    enum Kind: String, CaseIterable {
        case serve, work, listen
    }

    private func start(_ kind: Kind, _ server: SocketAddress, _ environment: [String: String] = [:]) throws -> Program {
        let arguments =
            switch kind {
            case .serve: ["serve", "--memory", "--listen", "127.0.0.1:0"]
            case .work: ["work", "--address", "\(server)", "--tube", "a", "--", "cat"]
            case .listen: ["listen", "127.0.0.1:0", "--", "cat"]
            }
        return try Program(at: Program.path(of: "talkback"), arguments, environment)
    }

    /// Whether the program does its work; it waits until it does.
    private func works(_ kind: Kind, _ program: Program, _ address: SocketAddress?, _ client: Client) async throws
        -> Bool
    {
        switch kind {
        case .work: try await client.submit("x", to: "a").outcome == .done(Array("x".utf8))
        case .serve: try Socket.answer(from: try #require(address), to: "use a\r\n") == "USING a\r\n"
        case .listen: try Socket.answer(from: try #require(address), to: "x") == "x"
        }
    }

    private func withProgram(
        _ kind: Kind, _ environment: [String: String] = [:],
        _ body: (Program, () async throws -> Bool) async throws -> Void
    ) async throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        let client = try await Client.connect(to: ServerAddress(address))
        let program = try start(kind, address, environment)
        let own = kind == .work ? nil : try program.address()
        #expect(try await works(kind, program, own, client))
        try await body(program) { try await works(kind, program, own, client) }
        await client.close()
        #expect(server.end().status == 0)
    }

    @Test(arguments: Kind.allCases, [SIGTERM, SIGINT, SIGQUIT])
    func signalToStopEndsIt(kind: Kind, signal: Int32) async throws {
        // As where there is a toolchain, whose backtraces SIGQUIT would ask for.
        try await withProgram(kind, ["SWIFT_BACKTRACE": "enable=yes"]) { program, _ in
            #expect(program.end(signal).status == 0)
        }
    }

    @Test(arguments: Kind.allCases, [SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ])
    func otherSignalsDoNotEndIt(kind: Kind, signal: Int32) async throws {
        try await withProgram(kind) { program, works in
            for _ in 0..<3 {
                program.send(signal)
                let isWorking = try await works()
                #expect(isWorking)
            }
            #expect(program.end().status == 0)
        }
    }

    @Test func blockedAndIgnoredSignalsAreNotInherited() async throws {
        let program = Program.path(of: "talkback")
        let server = try Program(
            at: "/usr/bin/env",
            [
                "--block-signal=TERM", "--block-signal=CHLD", "--ignore-signal=CHLD", "--ignore-signal=TERM", program,
                "serve",
            ]
                + ["--memory", "--listen", "127.0.0.1:0", "--run", "a=cat"])
        let client = try await Client.connect(to: ServerAddress(try server.address()))
        #expect(try await client.submit("x", to: "a").outcome == .done(Array("x".utf8)))
        await client.close()
        #expect(server.end(SIGTERM).status == 0)
    }

    @Test func quitEndsOtherCommandsAtOnce() throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        let words = ["take", "--timeout", "60", "--address", "\(address)"]
        let program = try Program(
            at: Program.path(of: "talkback"), words, ["SWIFT_BACKTRACE": "enable=yes"])
        // It is connected, and waits.
        while try !Socket.answer(from: address, to: "stats\r\n").contains("current-waiting: 1") {}
        #expect(program.end(SIGQUIT).status == -SIGQUIT)
        #expect(server.end().status == 0)
    }

    // MARK: How long it takes

    /// A second is what it took to wait for clients, and for a thread of the pool.
    private static let limit = Duration.milliseconds(900)

    private func end(_ program: Program) -> (status: Int32, time: Duration) {
        let start = ContinuousClock.now
        let status = program.end().status
        return (status, start.duration(to: .now))
    }

    @Test(arguments: [[], ["--run", "a:2=cat"]]) func daemonDoesNotWaitForIdleClients(options: [String]) throws {
        // A busy machine may take its time, but hardly each time.
        let times = try (0..<3).map { _ in try timeToEnd(options) }
        #expect(try #require(times.min()) < Self.limit)
    }

    private func timeToEnd(_ options: [String]) throws -> Duration {
        let server = try Program("talkback", ["serve", "--memory", "--listen", "127.0.0.1:0"] + options)
        let address = try server.address()
        // One that has said nothing yet, one that has its reply, one that waits, and one that is within a command.
        let silent = try Socket.connect(to: address)
        let idle = try Socket.connect(to: address)
        try idle.sendAll("put 0 0 60 1\r\nx\r\n")
        #expect(try idle.receive(upTo: 100) == Array("INSERTED 1\r\n".utf8))
        let waiting = try Socket.connect(to: address)
        try waiting.sendAll("watch b\r\nignore default\r\nreserve\r\n")
        #expect(try waiting.receive(upTo: 11) == Array("WATCHING 2\r\n".utf8.prefix(11)))
        let unfinished = try Socket.connect(to: address)
        try unfinished.sendAll("put 0 0 60 100\r\nabc")
        while try !Socket.answer(from: address, to: "stats-tube b\r\n").contains("current-waiting: 1") {}
        let end = end(server)
        #expect(end.status == 0)
        #expect(try silent.receiveAll().isEmpty)
        #expect(try idle.receiveAll().isEmpty)
        #expect(try waiting.receiveText() == "\nWATCHING 1\r\n")
        #expect(try unfinished.receiveAll().isEmpty)
        return end.time
    }

    @Test func daemonDoesNotWaitForWhoHasJustHadItsReply() throws {
        let times = try (0..<3).map { _ in
            let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
            let client = try Socket.connect(to: try server.address())
            try client.sendAll("use a\r\n")
            // The kernel has not acknowledged it when the server stops.
            #expect(try client.receive(upTo: 100) == Array("USING a\r\n".utf8))
            let end = self.end(server)
            #expect(end.status == 0)
            #expect(try client.receiveAll().isEmpty)
            return end.time
        }
        #expect(try #require(times.min()) < Self.limit)
    }

    @Test func daemonDoesNotWaitForWhoConnectsAsItStops() throws {
        let times = try (0..<3).map { _ in
            let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
            let address = try server.address()
            // It finds them and the signal at the same time.
            server.send(SIGSTOP)
            server.waitUntilStopped()
            var clients: [FileDescriptor] = []
            for _ in 0..<100 { clients.append(try Socket.connect(to: address).release()) }
            defer { for client in clients { try? client.close() } }
            server.send(SIGTERM)
            server.send(SIGCONT)
            let end = self.end(server)
            #expect(end.status == 0)
            return end.time
        }
        #expect(try #require(times.min()) < Self.limit)
    }

    @Test func workerSaysThatItStops() async throws {
        for _ in 0..<5 {
            try await withProgram(.work) { program, _ in #expect(program.end().errors.contains("stopping")) }
        }
    }

    @Test(arguments: ["stats", "tubes"]) func nobodyReadsIsNoErrorOfOtherCommands(command: String) throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let folder = TemporaryFolder()
        let program = try Program(
            shell: """
                mkfifo \(folder.file("pipe"))
                exec 3<>\(folder.file("pipe")) 4>\(folder.file("pipe")) 3<&-
                exec talkback \(command) --address \(try server.address()) >&4
                """)
        let outcome = program.outcome()
        #expect(outcome.errors.isEmpty)
        #expect(outcome.status == -SIGPIPE)
        #expect(server.end().status == 0)
    }

    @Test(arguments: [Kind.work, .listen]) func programsWithNothingToDoEndAtOnce(kind: Kind) async throws {
        try await withProgram(kind) { program, _ in
            let end = end(program)
            #expect(end.status == 0)
            #expect(end.time < Self.limit)
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/taskset"), "there is no taskset"))
    func startsAtOnceOnOneProcessor() throws {
        var pauses: [Duration] = []
        for _ in 0..<40 {
            let start = ContinuousClock.now
            let server = try Program(
                at: "/usr/bin/taskset",
                ["-c", "0", Program.path(of: "talkback"), "serve", "--memory", "--listen", "127.0.0.1:0"])
            _ = try server.address()
            // What it did not run or wait for the processor, however busy the machine is.
            pauses.append(start.duration(to: .now) - server.busyTime)
            #expect(server.end().status == 0)
        }
        // It was one start in eight that took a second longer than the others.
        let median = pauses.sorted()[pauses.count / 2]
        #expect(pauses.filter { $0 > median + Self.limit }.count <= 1)
    }
}
