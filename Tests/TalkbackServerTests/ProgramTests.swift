// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport
import Testing

/// The program `talkback` as a process.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct ProgramTests {
    private func ask(_ address: SocketAddress, _ commands: String) throws -> String {
        try Socket.answer(from: address, to: commands)
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func signalEndsTheServer(signal: Int32) throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        let waiting = try Socket.connect(to: address)
        try waiting.sendAll("reserve\r\n")
        #expect(try ask(address, "put 0 0 60 1\r\nx\r\n") == "INSERTED 1\r\n")
        #expect(try waiting.receive(upTo: 100) == Array("RESERVED 1 1\r\nx\r\n".utf8))
        try waiting.sendAll("reserve\r\n")
        #expect(server.end(signal).status == 0)
    }

    @Test func otherSignalsDrainOrDoNothing() throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        server.send(SIGHUP)
        #expect(try ask(address, "put 0 0 60 1\r\nx\r\n") == "INSERTED 1\r\n")
        server.send(SIGUSR1)
        // The signal takes its way through another thread.
        while try ask(address, "put 0 0 60 1\r\nx\r\n") != "DRAINING\r\n" {}
        #expect(try ask(address, "reserve\r\n") == "RESERVED 1 1\r\nx\r\n")
        #expect(server.end().status == 0)
    }

    @Test func listensInSeveralPlacesAndNamesThem() throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0", "--listen", "unix:\(path)")
        let address = try server.address()
        #expect(server.line() == "listening on unix:\(path)")
        #expect(try ask(address, "use a\r\n") == "USING a\r\n")
        #expect(try ask(try SocketAddress(unixPath: path), "use b\r\n") == "USING b\r\n")
        #expect(server.end().status == 0)
        #expect(unsafe access(path, F_OK) != 0)
    }

    @Test(
        arguments: [
            (["serve", "--max-job-size", "-1"], 64), (["serve", "--max-connections", "0"], 64),
            (["serve", "--listen", "nonsense"], 64), (["serve", "--listen", "127.0.0.1:70000"], 64), (["bogus"], 64),
        ] as [([String], Int32)])
    func badArgumentsAreRefused(arguments: [String], status: Int32) throws {
        let outcome = try Program("talkback", arguments).outcome()
        #expect(outcome.status == status)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: "))
    }

    @Test(arguments: [SIGTERM, SIGKILL])
    func jobsAreThereAfterARestart(signal: Int32) throws {
        let folder = TemporaryFolder()
        for round in 1...3 {
            let server = try Program("talkback", "serve", "--data", folder.path, "--listen", "127.0.0.1:0")
            let address = try server.address()
            var expected = ""
            if round > 1 { expected = "RESERVED \(round - 1) 5\r\nhello\r\nDELETED\r\n" }
            let commands = round > 1 ? "reserve\r\ndelete \(round - 1)\r\n" : ""
            let reply = try ask(address, commands + "put 0 0 60 5\r\nhello\r\n")
            let id = try #require(reply.split(whereSeparator: \.isWhitespace).last.flatMap { UInt64($0) })
            // After a crash the numbers may have a gap.
            #expect(reply.hasPrefix(expected + "INSERTED ") && id >= round)
            _ = server.end(signal)
            if id != round { break }
        }
    }

    @Test func numbersAreNotGivenAgainAfterARunInWhichNothingHappened() throws {
        let folder = TemporaryFolder()
        for (commands, reply) in [
            (
                "put 0 0 60 1\r\nx\r\nput 0 0 60 1\r\nx\r\ndelete 1\r\ndelete 2\r\n",
                "INSERTED 1\r\nINSERTED 2\r\nDELETED\r\nDELETED\r\n"
            ),
            ("", ""), ("put 0 0 60 1\r\nx\r\n", "INSERTED 3\r\n"),
        ] {
            let server = try Program("talkback", "serve", "--data", folder.path, "--listen", "127.0.0.1:0")
            #expect(try ask(try server.address(), commands) == reply)
            #expect(server.end().status == 0)
        }
    }

    @Test func secondServerOnAFolderIsRefused() throws {
        let folder = TemporaryFolder()
        let server = try Program("talkback", "serve", "--data", folder.path, "--listen", "127.0.0.1:0")
        _ = try server.address()
        let outcome = try Program("talkback", "serve", "--data", folder.path, "--listen", "127.0.0.1:0").outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: lock \(folder.path)/lock: another server, process "))
        #expect(server.end().status == 0)
    }

    @Test func withoutAHomeThereMustBeAFolder() throws {
        let arguments = ["-i", Program.path(of: "talkback"), "serve", "--listen", "127.0.0.1:0"]
        let outcome = try Program(at: "/usr/bin/env", arguments).outcome()
        #expect(outcome.status == 64)
        #expect(outcome.errors.hasPrefix("Error: There is no HOME to keep jobs in; give --data FOLDER, or --memory."))
        let folder = TemporaryFolder()
        let server = try Program(at: "/usr/bin/env", ["XDG_STATE_HOME=\(folder.path)"] + arguments.dropFirst())
        _ = try server.address()
        #expect(server.end().status == 0)
        try FileManager.default.removeItem(atPath: folder.file("talkback"))
    }

    // MARK: In beanstalkd's place

    private func maximumJobSize(_ address: SocketAddress) throws -> String? {
        try ask(address, "stats\r\n").split(separator: "\n").first { $0.hasPrefix("max-job-size") }.map(String.init)
    }

    @Test(
        arguments: [
            (["-l", "127.0.0.1", "-p", "0"], "max-job-size: 65535"), (["-l127.0.0.1", "-p0"], "max-job-size: 65535"),
            (["-VFVl127.0.0.1", "-p0", "-z", "10"], "max-job-size: 10"),
            (["-p0", "-z2147483648", "-c", "-n", "-s", "100", "-f", "5"], "max-job-size: 1073741824"),
            (["-l::1", "-p", "0"], "max-job-size: 65535"), (["--memory", "-p", "0"], "max-job-size: 65535"),
            (["-p0", "--max-job-size", "7", "-F"], "max-job-size: 7"),
        ] as [([String], String)])
    func beanstalkdsFlagsAreTaken(arguments: [String], size: String) throws {
        let folder = TemporaryFolder()
        let name = folder.file("beanstalkd")
        try FileManager.default.createSymbolicLink(
            atPath: name, withDestinationPath: Program.path(of: "talkback"))
        for server in [
            try Program(at: name, arguments), try Program("talkback", ["serve"] + arguments),
        ] {
            let address = try server.address()
            let port = try #require(address.port)
            let here = address == .ipv6(.any, port: port) ? SocketAddress.ipv4(.loopback, port: port) : address
            #expect(try maximumJobSize(here) == size)
            #expect(server.end().status == 0)
        }
    }

    @Test func beanstalkdsFolderIsAFolder() throws {
        let folder = TemporaryFolder()
        let arguments = ["serve", "-b", folder.path, "-l", "unix:\(folder.file("socket"))", "-F"]
        for reply in ["INSERTED 1\r\n", "INSERTED 2\r\n"] {
            let server = try Program("talkback", arguments)
            #expect(try ask(try server.address(), "put 0 0 1 1\r\nx\r\n") == reply)
            #expect(server.end().status == 0)
        }
        try Data().write(to: URL(fileURLWithPath: folder.file("binlog.12")))
        let outcome = try Program("talkback", arguments).outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("the folder has jobs of beanstalkd's"))
    }

    @Test(
        arguments: [
            (["serve", "-q"], "Error: There is no flag -q."), (["serve", "-p"], "Error: -p needs a value."),
            (["serve", "-p", "x"], "Error: --listen takes"), (["serve", "-l", "a:b:c", "-p", "1"], "Error: "),
            (["serve", "--memory", "--data", "x"], "Error: --memory and --data"),
            (["serve", "--sync", "sometimes"], "Error: The value 'sometimes'"),
            (["serve", "--log-level", "loud"], "Error: The value 'loud'"),
            (["serve", "-u", "nobody-at-all", "-p0"], "Error: There is no user \"nobody-at-all\"."),
        ] as [([String], String)])
    func badFlagsAreRefused(arguments: [String], message: String) throws {
        let outcome = try Program("talkback", arguments).outcome()
        #expect(outcome.status != 0 && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix(message))
    }

    // MARK: systemd

    @Test func systemdIsToldHowItGoes() throws {
        let folder = TemporaryFolder()
        let socket = try Socket(.unix, .datagram)
        try socket.bind(to: try SocketAddress(unixPath: folder.file("notify")))
        let server = try Program(
            at: Program.path(of: "talkback"), ["serve", "--memory", "--listen", "127.0.0.1:0"],
            ["NOTIFY_SOCKET": folder.file("notify"), "WATCHDOG_USEC": "200000"])
        _ = try server.address()
        func next() throws -> String { String(decoding: try socket.receive(upTo: 1000), as: UTF8.self) }
        #expect(try next() == "READY=1\nSTATUS=jobs are in memory")
        #expect(try next() == "WATCHDOG=1")
        #expect(try next() == "WATCHDOG=1")
        server.send(SIGTERM)
        var last = try next()
        while last == "WATCHDOG=1" { last = try next() }
        #expect(last == "STOPPING=1")
        #expect(server.outcome().status == 0)
    }

    @Test func takenPortIsAnError() throws {
        let taken = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let port = try #require(try taken.localAddress.port)
        let outcome = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:\(port)").outcome()
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == """
                Error: bind 127.0.0.1:\(port): Address already in use (EADDRINUSE): another program has the address; \
                --listen takes another one\n
                """)
    }

    @Test func secondServerAtAnAddressSaysWhoHasIt() throws {
        let folder = TemporaryFolder()
        let server = try Program("talkback", "serve", "--memory", "--listen", "unix:\(folder.file("s"))")
        let address = try server.address()
        let outcome = try Program("talkback", "serve", "--memory", "--listen", "\(address)").outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        let start = "Error: bind \(address): Address already in use (EADDRINUSE): a server listens there already"
        #expect(outcome.errors.hasPrefix(start))
        #expect(outcome.errors.contains("--listen") && outcome.errors.contains("--data"), "\(outcome)")
        #expect(server.end().status == 0)
    }
}
