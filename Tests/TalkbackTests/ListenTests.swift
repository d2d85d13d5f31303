// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TestSupport
import Testing

/// `talkback listen`, which starts a command for each connection.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct ListenTests {
    private func listen(_ options: String..., command: String...) throws -> Program {
        try Program("talkback", ["listen", "127.0.0.1:0"] + options + ["--"] + command)
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0", "localhost:0", "*:0", "unix"])
    func commandAnswers(place: String) throws {
        let folder = TemporaryFolder()
        let place = place == "unix" ? "unix:\(folder.file("s"))" : place
        let server = try Program("talkback", "listen", place, "--", "cat")
        var address = try server.address()
        if address.ip?.isUnspecified == true { address = .ipv4(.loopback, port: try #require(address.port)) }
        #expect(try Socket.answer(from: address, to: "hello\n") == "hello\n")
        #expect(try Socket.answer(from: address, to: "again\n") == "again\n")
        #expect(server.end().status == 0)
        if place.hasPrefix("unix:") { #expect(unsafe access(folder.file("s"), F_OK) != 0) }
    }

    @Test func commandHasItsArgumentsAsTheyAre() throws {
        let server = try listen(command: "printf", "%s|", "--timeout", "a b", "", "--", "*")
        #expect(try Socket.answer(from: try server.address(), to: "") == "--timeout|a b||--|*|")
        #expect(server.end().status == 0)
    }

    @Test func standardErrorIsTheServers() throws {
        let server = try listen(command: "sh", "-c", "echo here; echo there >&2")
        #expect(try Socket.answer(from: try server.address(), to: "") == "here\n")
        #expect(server.errorLine() == "there")
        #expect(server.end().status == 0)
    }

    // MARK: What the command inherits

    @Test func commandHasTheSocketAndNothingElse() throws {
        let server = try listen(command: "sh", "-c", "cat; exec ls -l /proc/self/fd")
        let address = try server.address()
        let first = try Socket.connect(to: address)
        try first.sendAll("x")
        #expect(try first.receive(upTo: 1) == Array("x".utf8))
        let links = try Socket.answer(from: address, to: "").split(separator: "\n").filter { $0.contains(" -> ") }
        let targets = links.compactMap { $0.split(separator: " ").last }
        // The folder that ls reads is the fourth.
        #expect(links.count == 4)
        #expect(targets[0].hasPrefix("socket:") && targets[0] == targets[1])
        #expect(targets[2].hasPrefix("pipe:"))
        #expect(targets[3].hasPrefix("/proc/"))
        try first.close()
        #expect(server.end().status == 0)
    }

    @Test func socketIsInBlockingMode() throws {
        let server = try listen(command: "sh", "-c", "cat /proc/self/fdinfo/0")
        let info = try Socket.answer(from: try server.address(), to: "")
        let flags = info.split(separator: "\n").first { $0.hasPrefix("flags:") }?.split(separator: "\t").last
        let number = try #require(flags.flatMap { Int32($0, radix: 8) })
        #expect(number & O_NONBLOCK == 0)
        #expect(server.end().status == 0)
    }

    @Test func signalsDoWhatTheyDoByDefault() throws {
        // The server itself ignores some, and here was started ignoring others.
        let server = try Program(
            shell: "trap '' PIPE HUP USR2; exec talkback listen 127.0.0.1:0 -- grep Sig /proc/self/status")
        let status = try Socket.answer(from: try server.address(), to: "")
        func mask(_ name: String) throws -> UInt64 {
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name) })
            return try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
        }
        // Those above 31 are the C library's and real-time signals.
        #expect(try mask("SigIgn") & 0x7FFF_FFFF == 0)
        #expect(try mask("SigBlk") == 0)
        #expect(server.end().status == 0)
    }

    @Test func commandLeadsAProcessGroup() throws {
        let server = try listen(command: "sh", "-c", "cat /proc/$$/stat")
        let status = try #require(ProcessStatus(try Socket.answer(from: try server.address(), to: "")))
        #expect(status.group == status.id)
        #expect(server.end().status == 0)
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0", "*:0"])
    func environmentSaysWhoIsThere(place: String) throws {
        let server = try Program(shell: "TCPREMOTEHOST=a UNIXREMOTEPID=1 exec talkback listen '\(place)' -- env")
        var address = try server.address()
        if address.ip?.isUnspecified == true { address = .ipv4(.loopback, port: try #require(address.port)) }
        let client = try Socket.connect(to: address)
        let own = try client.localAddress
        let ownIP = try #require(own.ip)
        let ownPort = try #require(own.port)
        let lines = Set(try client.receiveText().split(separator: "\n"))
        #expect(lines.contains("PROTO=TCP"))
        #expect(lines.contains("TCPREMOTEIP=\(ownIP)"))
        #expect(lines.contains("TCPREMOTEPORT=\(ownPort)"))
        #expect(lines.contains("TCPLOCALIP=\(ownIP)"))
        #expect(lines.contains("TCPLOCALPORT=\(try #require(address.port))"))
        #expect(!lines.contains { $0.hasPrefix("TCPREMOTEHOST=") || $0.hasPrefix("UNIX") })
        #expect(lines.contains { $0.hasPrefix("PATH=") })
        #expect(server.end().status == 0)
    }

    @Test func environmentSaysWhoIsThereOnAUnixSocket() throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let server = try Program(shell: "TCPREMOTEIP=a exec talkback listen unix:\(path) -- env")
        let lines = Set(try Socket.answer(from: try server.address(), to: "").split(separator: "\n"))
        #expect(lines.contains("PROTO=UNIX"))
        #expect(lines.contains("UNIXLOCALPATH=\(path)"))
        #expect(lines.contains("UNIXREMOTEPID=\(getpid())"))
        #expect(lines.contains("UNIXREMOTEEUID=\(geteuid())"))
        #expect(lines.contains("UNIXREMOTEEGID=\(getegid())"))
        #expect(!lines.contains { $0.hasPrefix("TCP") })
        #expect(server.end().status == 0)
    }

    @Test func programWithoutItsStandardStreamsServes() throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let server = try Program(shell: "exec talkback listen unix:\(path) -- cat <&- 2>&-")
        #expect(try Socket.answer(from: try server.address(), to: "hello") == "hello")
        #expect(server.end().status == 0)
    }

    // MARK: Browsers

    /// Sends in pieces, and returns what comes back; the server may have closed the connection meanwhile.
    private func answer(from address: SocketAddress, to pieces: [String]) throws -> String {
        let client = try Socket.connect(to: address)
        try? client.set(.noDelay, to: true)
        do throws(SocketError) {
            for piece in pieces {
                try client.sendAll(piece)
                // So that the pieces arrive one by one, mostly: nothing tells that one has been seen.
                _ = try client.wait(for: .peerHalfClosed, timeout: .milliseconds(2))
            }
            try client.shutdown(.sending)
            return try client.receiveText()
        } catch {
            guard error.errno == .brokenPipe || error.errno == .connectionReset else { throw error }
            return ""
        }
    }

    @Test(arguments: ["127.0.0.1:0", "unix"])
    func browsersAreRefusedBeforeTheCommandStarts(place: String) throws {
        let folder = TemporaryFolder()
        let started = folder.file("started")
        let place = place == "unix" ? "unix:\(folder.file("s"))" : place
        let server = try Program(
            "talkback", "listen", place, "--refuse-http", "--", "sh", "-c", "echo >> '\(started)'; cat")
        let address = try server.address()
        let requests = [
            "POST / HTTP/1.1\r\nHost: x\r\n\r\nrm -rf\n", "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            "x-y / HTTP/1.1\r\n\r\n", "patch /a?b HTTP/1.1\r\n", "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "\u{16}\u{03}\u{01}\u{00}\u{F8}\nrm -rf\n", "\u{00}\u{03}\u{00}\u{08}",
        ]
        for request in requests {
            #expect(try answer(from: address, to: [request]) == "", "\(request)")
            #expect(try answer(from: address, to: request.map(String.init)) == "", "\(request)")
        }
        #expect(!FileManager.default.fileExists(atPath: started))
        #expect(server.errorLine().hasSuffix(": refused: an HTTP request (POST)"))
        // Anything else comes to the command whole.
        let texts = [
            "", "x", "GET", "hello\n", "hello there HTTP\n", "put 0 0 1 1\r\n", "你好 a HTTP/1.1\n", "\r\n\r\n",
            "\u{1F}\u{8B}\n",
            String(repeating: "x", count: 4000) + "\n",
        ]
        for text in texts {
            #expect(try answer(from: address, to: [text]) == text)
            if text.count < 100 { #expect(try answer(from: address, to: text.map(String.init)) == text) }
        }
        // A line that could go on to be a request's for ever.
        #expect(try answer(from: address, to: [String(repeating: "x", count: 9000)]) == "")
        #expect(server.end().status == 0)
    }

    @Test func onlyOneRefusalASecondIsLogged() throws {
        let server = try listen("--refuse-http", command: "cat")
        let address = try server.address()
        let begin = ContinuousClock.now
        for _ in 0..<50 { #expect(try answer(from: address, to: ["GET / HTTP/1.1\r\n\r\n"]) == "") }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let outcome = server.end()
        #expect(outcome.status == 0)
        #expect((1...Int(seconds) + 1).contains(outcome.errors.split(separator: "\n").count), "\(outcome.errors)")
    }

    @Test func whoHasSaidNothingYetIsNotWaitedFor() throws {
        let server = try listen("--refuse-http", command: "cat")
        let client = try Socket.connect(to: try server.address())
        try client.sendAll("hel")
        // Once another is served, this one has been accepted.
        #expect(try Socket.answer(from: try client.peerAddress, to: "x\n") == "x\n")
        let begin = ContinuousClock.now
        let outcome = server.end()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    // MARK: Bounds

    @Test func connectionsAboveTheLimitWait() throws {
        let server = try listen("--max-connections", "2", command: "sh", "-c", "echo here; cat")
        let address = try server.address()
        let first = try Socket.connect(to: address)
        let second = try Socket.connect(to: address)
        #expect(try first.receive(upTo: 5) == Array("here\n".utf8))
        #expect(try second.receive(upTo: 5) == Array("here\n".utf8))
        let third = try Socket.connect(to: address)
        #expect(try third.wait(for: .readable, timeout: .milliseconds(300)).isEmpty)
        try first.shutdown(.sending)
        #expect(try third.receive(upTo: 5) == Array("here\n".utf8))
        #expect(try second.wait(for: .readable, timeout: .zero).isEmpty)
        try second.shutdown(.sending)
        try third.shutdown(.sending)
        #expect(server.end().status == 0)
    }

    @Test func manyConnectionsAreServedSomeAtATime() throws {
        let server = try listen("--max-connections", "8", command: "cat")
        let address = try server.address()
        let clients = Clients()
        for number in 0..<100 { try clients.add(try Socket.connect(to: address), "\(number)") }
        for number in 0..<100 { #expect(try clients.answer(number) == "\(number)") }
        #expect(server.end().status == 0)
    }

    /// Sockets, which an array cannot have.
    private final class Clients {
        private var descriptors: [FileDescriptor] = []

        func add(_ socket: consuming Socket, _ request: String) throws {
            try socket.sendAll(request)
            try socket.shutdown(.sending)
            descriptors.append(socket.release())
        }

        func answer(_ number: Int) throws -> String {
            try Socket(adopting: descriptors[number]).receiveText()
        }
    }

    @Test func timeLimitEndsTheProcessGroup() throws {
        let server = try listen(
            "--timeout", "0.3", command: "sh", "-c", "echo $$; sleep 1000 & sleep 1000")
        let client = try Socket.connect(to: try server.address())
        // The end comes when the last process that has the socket is gone.
        let group = try #require(Int32(try client.receiveText().dropLast()))
        let peer = try client.localAddress
        #expect(server.errorLine() == "\(peer): the command was ended after 0.3 seconds")
        #expect(kill(-group, 0) == -1)
        #expect(server.end().status == 0)
    }

    @Test(arguments: ["trap '' TERM; sleep 1000 & sleep 1000", "(trap '' TERM; sleep 1000) & sleep 1000"])
    func whatDoesNotEndIsKilled(script: String) throws {
        let server = try listen("--timeout", "0.3", command: "sh", "-c", script)
        let begin = ContinuousClock.now
        #expect(try Socket.answer(from: try server.address(), to: "") == "")
        #expect(ContinuousClock.now - begin > .seconds(3))
        #expect(server.end().status == 0)
    }

    @Test func commandInTimeIsNotEnded() throws {
        let server = try listen("--timeout", "1000", command: "cat")
        #expect(try Socket.answer(from: try server.address(), to: "hello") == "hello")
        let outcome = server.end()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
    }

    // MARK: The end

    private func waitUntilRefused(_ address: SocketAddress) {
        while (try? Socket.connect(to: address)) != nil {}
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func firstSignalLetsCommandsFinish(signal: Int32) throws {
        let server = try listen(command: "cat")
        let address = try server.address()
        let client = try Socket.connect(to: address)
        try client.sendAll("before")
        #expect(try client.receive(upTo: 100) == Array("before".utf8))
        server.send(signal)
        waitUntilRefused(address)
        try client.sendAll("after")
        #expect(try client.receive(upTo: 100) == Array("after".utf8))
        #expect(server.isRunning)
        try client.shutdown(.sending)
        #expect(try client.receiveAll().isEmpty)
        #expect(server.outcome().status == 0)
    }

    @Test func secondSignalEndsCommands() throws {
        let server = try listen(command: "sh", "-c", "echo $$; sleep 1000 & sleep 1000")
        let address = try server.address()
        let client = try Socket.connect(to: address)
        let group = try #require(Int32(String(decoding: try client.receive(upTo: 100), as: UTF8.self).dropLast()))
        server.send(SIGTERM)
        waitUntilRefused(address)
        server.send(SIGTERM)
        #expect(try client.receiveAll().isEmpty)
        #expect(server.outcome().status == 0)
        #expect(kill(-group, 0) == -1)
    }

    // MARK: Errors

    @Test(
        arguments: [
            (["listen", "127.0.0.1:0"], 64, "Error: Missing expected argument '-- <command> ...'"),
            (["listen", "127.0.0.1:0", "--"], 64, "Error: Missing expected argument '-- <command> ...'"),
            (["listen", "127.0.0.1:0", "cat"], 64, "Error: "),
            (
                ["listen", "nonsense", "--", "cat"], 64,
                "Error: <address> takes HOST:PORT or unix:PATH, not \"nonsense\"."
            ),
            (["listen", "127.0.0.1:0", "--timeout", "0", "--", "cat"], 64, "Error: The value '0' is invalid"),
            (["listen", "127.0.0.1:0", "--timeout", "nan", "--", "cat"], 64, "Error: The value 'nan' is invalid"),
            (["listen", "127.0.0.1:0", "--max-connections", "0", "--", "cat"], 64, "Error: --max-connections takes 1"),
            (["listen", "127.0.0.1:0", "--", "no-such-program"], 1, "Error: start no-such-program: there is no such"),
            (["listen", "127.0.0.1:0", "--", "/no/such"], 1, "Error: start /no/such: there is no such file\n"),
            (["listen", "127.0.0.1:0", "--", "/tmp"], 1, "Error: start /tmp: it is not a program that may be run\n"),
            (["listen", "127.0.0.1:0", "--", "/etc/passwd"], 1, "Error: start /etc/passwd: it is not a program"),
            (["listen", "127.0.0.1:0", "--", ""], 1, "Error: start : there is no such program"),
        ] as [([String], Int32, String)])
    func badArgumentsAreRefused(arguments: [String], status: Int32, message: String) throws {
        let outcome = try Program("talkback", arguments).outcome()
        #expect(outcome.status == status && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix(message), "\(outcome.errors)")
    }

    @Test func takenPortIsAnError() throws {
        let taken = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let port = try #require(try taken.localAddress.port)
        let outcome = try Program("talkback", "listen", "127.0.0.1:\(port)", "--", "cat").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors == "Error: bind 127.0.0.1:\(port): Address already in use (EADDRINUSE)\n")
    }

    @Test func moreCommandsThanDescriptorsAreRefused() throws {
        let outcome = try Program(descriptorLimit: 100, "talkback", "listen", "127.0.0.1:0", "--", "cat").outcome()
        #expect(outcome.status == 1)
        #expect(
            outcome.errors
                == "Error: --max-connections 100: a limit of 100 descriptors (ulimit -n) allows 34\n")
    }

    @Test func commandThatIsGoneEndsTheConnectionAndNotTheServer() throws {
        let folder = TemporaryFolder()
        let command = folder.file("command")
        try FileManager.default.copyItem(atPath: "/bin/cat", toPath: command)
        let server = try listen(command: command)
        let address = try server.address()
        #expect(try Socket.answer(from: address, to: "hello") == "hello")
        try FileManager.default.removeItem(atPath: command)
        for _ in 1...3 {
            let client = try Socket.connect(to: address)
            #expect(try client.receiveText() == "")
            #expect(server.errorLine() == "\(try client.localAddress): start \(command): No such file or directory")
        }
        try FileManager.default.copyItem(atPath: "/bin/cat", toPath: command)
        #expect(try Socket.answer(from: address, to: "hello") == "hello")
        #expect(server.end().status == 0)
    }
}
