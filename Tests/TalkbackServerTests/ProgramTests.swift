// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import TestSupport
import Testing

/// The program `talkback` as a process.
@Suite(.timeLimit(.minutes(5)))
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

    @Test func takenPortIsAnError() throws {
        let taken = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let port = try #require(try taken.localAddress.port)
        let outcome = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:\(port)").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors == "Error: bind 127.0.0.1:\(port): Address already in use (EADDRINUSE)\n")
    }
}
