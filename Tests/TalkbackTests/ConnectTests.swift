// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport
import Testing

/// `talkback connect`, standard input to a server and back.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct ConnectTests {
    // MARK: Both directions

    @Test func endOfTheInputIsAHalfClose() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Program(shell: "printf hello | talkback connect \(try server.localAddress)")
        let connection = try server.accept()
        #expect(try connection.receiveText() == "hello")
        try connection.sendAll("reply\n")
        try connection.close()
        let outcome = client.outcome()
        #expect(outcome.status == 0 && outcome.output == "reply\n" && outcome.errors.isEmpty)
    }

    @Test func sendingHalfIsKeptOpen() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Program(shell: "printf hello | talkback connect --keep-open \(try server.localAddress)")
        let connection = try server.accept()
        #expect(try connection.receive(upTo: 5) == Array("hello".utf8))
        #expect(try connection.wait(for: .peerHalfClosed, timeout: .milliseconds(300)).isEmpty)
        try connection.sendAll("reply\n")
        try connection.close()
        let outcome = client.outcome()
        #expect(outcome.status == 0 && outcome.output == "reply\n" && outcome.errors.isEmpty)
    }

    @Test func whatComesIsPrintedAtOnceAndInputMayGoOn() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let input = Pipe()
        let client = try Program(
            "talkback", ["connect", "\(try server.localAddress)"], input: input.fileHandleForReading)
        let connection = try server.accept()
        for word in ["one", "two"] {
            input.fileHandleForWriting.write(Data(word.utf8))
            #expect(try connection.receive(upTo: 3) == Array(word.utf8))
            try connection.sendAll("\(word)\n")
            #expect(client.line() == word)
        }
        // The server's end is the end, though the input has not ended.
        try connection.close()
        #expect(client.outcome().status == 0)
        withExtendedLifetime(input) {}
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0", "localhost:0", "unix"])
    func placesOfAllKindsAreReached(place: String) throws {
        let folder = TemporaryFolder()
        let isUnix = place == "unix"
        let server = try Program("talkback", "listen", isUnix ? "unix:\(folder.file("s"))" : place, "--", "cat")
        let address = try server.address()
        let name = place.hasPrefix("localhost") ? "localhost:\(try #require(address.port))" : "\(address)"
        let outcome = try Program(shell: "echo hello | talkback connect '\(name)'").outcome()
        #expect(outcome.status == 0 && outcome.output == "hello\n" && outcome.errors.isEmpty)
        #expect(server.end().status == 0)
    }

    // MARK: Inputs and outputs

    @Test(
        arguments: [
            "printf hello | talkback connect ADDRESS", "talkback connect ADDRESS < FILE",
            "cat FILE | talkback connect ADDRESS | cat", "talkback connect ADDRESS < FILE > FILE.2; cat FILE.2",
        ])
    func inputIsAPipeOrAFile(script: String) throws {
        let folder = TemporaryFolder()
        let file = folder.file("input")
        try "hello".write(toFile: file, atomically: false, encoding: .utf8)
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--", "cat")
        let address = "\(try server.address())"
        let full = script.replacingOccurrences(of: "ADDRESS", with: address).replacingOccurrences(
            of: "FILE", with: file)
        let outcome = try Program(shell: full).outcome()
        #expect(outcome.status == 0 && outcome.output == "hello" && outcome.errors.isEmpty)
        #expect(server.end().status == 0)
    }

    @Test func inputMayBeNothing() throws {
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--", "sh", "-c", "cat; echo end")
        let outcome = try Program(shell: "talkback connect \(try server.address()) < /dev/null").outcome()
        #expect(outcome.status == 0 && outcome.output == "end\n" && outcome.errors.isEmpty)
        #expect(server.end().status == 0)
    }

    @Test func inputIsATerminal() throws {
        var descriptors: (master: Int32, terminal: Int32) = (-1, -1)
        try #require(unsafe openpty(&descriptors.master, &descriptors.terminal, nil, nil, nil) == 0)
        let keyboard = FileHandle(fileDescriptor: descriptors.master, closeOnDealloc: true)
        let terminal = FileHandle(fileDescriptor: descriptors.terminal, closeOnDealloc: true)
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--", "cat")
        let client = try Program("talkback", ["connect", "\(try server.address())"], input: terminal)
        keyboard.write(Data("hello\n".utf8))
        #expect(client.line() == "hello")
        // Ctrl-D.
        keyboard.write(Data([4]))
        let outcome = client.outcome()
        withExtendedLifetime(keyboard) {}
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        #expect(server.end().status == 0)
    }

    @Test func inputInNonBlockingModeIsWaitedForAndLeftAsItIs() throws {
        let input = Pipe()
        let descriptor = input.fileHandleForReading.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Program(
            "talkback", ["connect", "\(try server.localAddress)"], input: input.fileHandleForReading)
        let connection = try server.accept()
        input.fileHandleForWriting.write(Data("hello".utf8))
        #expect(try connection.receive(upTo: 5) == Array("hello".utf8))
        #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
        try connection.close()
        #expect(client.outcome().status == 0)
    }

    @Test func modesOfSharedStreamsAreLeftAsTheyAre() throws {
        let input = Pipe()
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Program(
            "talkback", ["connect", "\(try server.localAddress)"], input: input.fileHandleForReading)
        let connection = try server.accept()
        input.fileHandleForWriting.write(Data("hello".utf8))
        #expect(try connection.receive(upTo: 5) == Array("hello".utf8))
        #expect(fcntl(input.fileHandleForReading.fileDescriptor, F_GETFL) & O_NONBLOCK == 0)
        try connection.close()
        #expect(client.outcome().status == 0)
    }

    @Test(arguments: ["", "trap '' PIPE; "])
    func brokenOutputEndsItWithoutAWord(preparation: String) throws {
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--", "yes")
        let address = try server.address()
        let outcome = try Program(
            shell: "\(preparation){ talkback connect \(address) < /dev/null; echo $? >&2; } | head -n 1"
        ).outcome()
        #expect(outcome.output == "y\n")
        #expect(outcome.errors == (preparation.isEmpty ? "141\n" : "1\n"))
        #expect(server.end().status == 0)
    }

    @Test(
        arguments: [
            ("< /", "Error: read standard input: Is a directory\n"),
            ("> /dev/full < /dev/null", "Error: write to standard output: No space left on device\n"),
        ])
    func brokenStreamsAreErrors(redirection: String, message: String) throws {
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--", "sh", "-c", "echo hello; cat")
        let redirections = redirection.hasPrefix("< /") ? redirection + " > /dev/null" : redirection
        let outcome = try Program(shell: "talkback connect \(try server.address()) \(redirections)").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors == message)
        #expect(server.end().status == 0)
    }

    // MARK: Much

    @Test func muchComesBackAsItWentAway() throws {
        let folder = TemporaryFolder()
        let file = folder.file("random")
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--", "cat")
        let address = try server.address()
        let outcome = try Program(
            shell: """
                head -c 67108864 /dev/urandom > \(file) &&
                talkback connect \(address) < \(file) | cmp - \(file) &&
                cat \(file) | talkback connect \(address) | cmp - \(file) && echo same
                """
        ).outcome()
        #expect(outcome.output == "same\n" && outcome.errors.isEmpty)
        #expect(server.end().status == 0)
    }

    @Test func inputIsNotTakenFasterThanThePeerTakesIt() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let zeroes = try #require(FileHandle(forReadingAtPath: "/dev/zero"))
        let client = try Program("talkback", ["connect", "\(try server.localAddress)"], input: zeroes)
        let connection = try server.accept()
        var received = 0
        while received < 256 << 20 { received += try connection.receive(upTo: 1 << 20).count }
        let memory = try #require(client.residentKibibytes)
        #expect(memory < 64 << 10)
        // Nobody takes anything: then the program has nothing to do.
        try waitUntilIdle(client)
        #expect(try #require(client.residentKibibytes) < 64 << 10)
        #expect(client.end(SIGKILL).status == -SIGKILL)
    }

    @Test func nothingIsTakenFasterThanTheOutputTakesIt() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        // Nobody reads what the program prints.
        let client = try Program("talkback", "connect", "\(try server.localAddress)")
        let connection = try server.accept()
        let piece = [UInt8](repeating: 0, count: 1 << 16)
        var sent = 0
        while try !connection.wait(for: .writable, timeout: .seconds(1)).isEmpty {
            sent += try connection.trySend(piece.span) ?? 0
            try #require(sent < 256 << 20)
        }
        #expect(try #require(client.residentKibibytes) < 64 << 10)
        #expect(client.end(SIGKILL).status == -SIGKILL)
    }

    /// Waits until a program has used no processor time for half a second.
    private func waitUntilIdle(_ program: Program) throws {
        var ticks = try #require(program.processorTicks)
        while true {
            var nothing: [PollEntry] = []
            try Socket.poll(&nothing, timeout: .milliseconds(500))
            let now = try #require(program.processorTicks)
            if now == ticks { return }
            ticks = now
        }
    }

    // MARK: Silence

    @Test(arguments: ["< /dev/null", "--keep-open < /dev/null"])
    func silenceEndsIt(options: String) throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let address = try server.localAddress
        let client = try Program(shell: "talkback connect \(address) --timeout 0.3 \(options)")
        let connection = try server.accept()
        let outcome = client.outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors == "Error: \(address): nothing has come or gone for 0.3 seconds\n")
        withExtendedLifetime(connection) {}
    }

    @Test func bytesInOneDirectionAreNoSilence() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let script = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done | talkback connect --timeout 1.5 ADDRESS"
        let client = try Program(
            shell: script.replacingOccurrences(of: "ADDRESS", with: "\(try server.localAddress)"))
        let connection = try server.accept()
        #expect(try connection.receiveText() == "1\n2\n3\n4\n5\n6\n")
        try connection.close()
        #expect(client.outcome().status == 0)
    }

    @Test func outputThatIsNotReadIsNoSilence() throws {
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--", "head", "-c", "10000000", "/dev/zero")
        let outcome = try Program(
            shell: "talkback connect --timeout 0.3 \(try server.address()) < /dev/null | (sleep 1; wc -c)"
        ).outcome()
        #expect(outcome.output == "10000000\n" && outcome.errors.isEmpty)
        #expect(server.end().status == 0)
    }

    @Test func connectingTakesNoLongerThanTheTimeout() throws {
        let folder = TemporaryFolder()
        let address = try SocketAddress(unixPath: folder.file("s"))
        // A listener whose backlog is full.
        let server = try Socket(.unix, .stream)
        try server.bind(to: address)
        try server.listen(backlog: 0)
        let waiting = try Socket.connect(to: address)
        let outcome = try Program("talkback", "connect", "--timeout", "0.3", "\(address)").outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors == "Error: connect \(address): Connection timed out (ETIMEDOUT)\n")
        withExtendedLifetime(waiting) {}
    }

    // MARK: Errors

    @Test func refusedConnectionIsAnError() throws {
        let taken = try Socket(.ipv4, .stream)
        try taken.bind(to: .ipv4(.loopback, port: 0))
        let address = try taken.localAddress
        let outcome = try Program("talkback", "connect", "\(address)").outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors == "Error: connect \(address): Connection refused (ECONNREFUSED)\n")
    }

    @Test func resetIsAnError() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let address = try server.localAddress
        // Input that does not end.
        let input = Pipe()
        let client = try Program("talkback", ["connect", "\(address)"], input: input.fileHandleForReading)
        let connection = try server.accept()
        input.fileHandleForWriting.write(Data("hello".utf8))
        #expect(try connection.receive(upTo: 5) == Array("hello".utf8))
        try connection.set(.linger, to: .reset)
        try connection.close()
        let outcome = client.outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors == "Error: receive \(address): Connection reset by peer (ECONNRESET)\n")
        withExtendedLifetime(input) {}
    }

    @Test(
        arguments: [
            (["connect"], 64, "Error: Missing expected argument '<address>'"),
            (["connect", "127.0.0.1"], 64, "Error: <address> takes HOST:PORT or unix:PATH, not \"127.0.0.1\"."),
            (["connect", "127.0.0.1:70000"], 64, "Error: <address> takes"),
            (["connect", "127.0.0.1:1", "--timeout", "-1"], 64, "Error: "),
            (["connect", "unix:/no/such"], 1, "Error: connect unix:/no/such: No such file or directory (ENOENT)\n"),
            (["connect", "no-such-host.invalid:1"], 1, "Error: "),
        ] as [([String], Int32, String)])
    func badArgumentsAreRefused(arguments: [String], status: Int32, message: String) throws {
        let outcome = try Program("talkback", arguments).outcome()
        #expect(outcome.status == status && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix(message), "\(outcome.errors)")
    }
}
