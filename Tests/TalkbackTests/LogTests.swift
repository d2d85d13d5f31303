// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TalkbackClient
import TestSupport
import Testing

@testable import talkback

/// A log that nobody reads, that nobody reads any more, or that has no room.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct LogTests {
    /// What standard error is.
    enum Log: CaseIterable {
        /// A pipe that is full, of which the reading end is open.
        case fullPipe
        /// A pipe of which the reading end is closed.
        case closedPipe
        /// A file on a full disk.
        case fullDisk
    }

    /// The handle to give away, and what is to be kept open meanwhile.
    private func open(_ log: Log) throws -> (FileHandle, FileHandle?) {
        guard log != .fullDisk else { return (try #require(FileHandle(forWritingAtPath: "/dev/full")), nil) }
        let pipe = try FileDescriptor.pipe(options: .closeOnExec)
        let reading = FileHandle(fileDescriptor: pipe.readEnd.rawValue, closeOnDealloc: true)
        let writing = FileHandle(fileDescriptor: pipe.writeEnd.rawValue, closeOnDealloc: true)
        if log == .closedPipe {
            try reading.close()
            return (writing, nil)
        }
        try fill(pipe.writeEnd)
        return (writing, reading)
    }

    /// Writes until there is no room, and leaves the mode as it was.
    private func fill(_ pipe: FileDescriptor) throws {
        let flags = fcntl(pipe.rawValue, F_GETFL)
        try #require(fcntl(pipe.rawValue, F_SETFL, flags | O_NONBLOCK) == 0)
        let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
        for size in [4096, 1] {
            // SAFETY: the bytes are read during the call.
            while unsafe write(pipe.rawValue, bytes, size) > 0 {}
        }
        try #require(fcntl(pipe.rawValue, F_SETFL, flags) == 0)
    }

    /// A line that is longer than all that may wait is dropped, and the next one is written.
    @Test func lineBeyondAllRoomIsDroppedAlone() throws {
        let pipe = try FileDescriptor.pipe(options: .closeOnExec)
        let reading = FileHandle(fileDescriptor: pipe.readEnd.rawValue, closeOnDealloc: true)
        let stream = LogStream(pipe.writeEnd)
        stream.write(line: "first")
        stream.finish()
        stream.write(line: String(repeating: "x", count: LogStream.capacity + 1))
        stream.finish()
        stream.write(line: "last")
        stream.finish()
        try pipe.writeEnd.close()
        let text = String(decoding: reading.readDataToEndOfFile(), as: UTF8.self)
        #expect(text.hasPrefix("first\n") && text.hasSuffix("last\n") && text.utf8.count < 200)
        #expect(stream.droppedCount == 1)
    }

    private func droppedLines(_ client: Client) async throws -> Int64 {
        try #require(try await client.statistics().number("log-lines-dropped"))
    }

    @Test(arguments: Log.allCases) func daemonGoesOn(log: Log) async throws {
        let (errors, reading) = try open(log)
        let server = try Program("talkback", ["serve", "--memory", "--listen", "127.0.0.1:0"], errors: errors)
        let client = try await Client.connect(to: ServerAddress(try server.address()))
        #expect(try await droppedLines(client) == 0)
        // Each is a line of the log.
        var count = 0
        try await waitUntil {
            server.send(SIGUSR1)
            count += 1
            // Of a full pipe the stream's own room has to fill first, which takes longer than it is worth here.
            return try await log == .fullPipe ? count == 200 : droppedLines(client) > 3
        }
        await client.close()
        #expect(server.end(SIGTERM).status == 0)
        withExtendedLifetime(reading) {}
    }

    @Test(arguments: Log.allCases) func workerGoesOnAndItsJobsToo(log: Log) async throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        let client = try await Client.connect(to: ServerAddress(address))
        let (errors, reading) = try open(log)
        let worker = try Program(
            "talkback",
            ["work", "--address", "\(address)", "--tube", "a", "--attempts", "1"]
                + ["--", "sh", "-c", "echo a line of the log >&2; read n; test $n != fail"], errors: errors)
        for _ in 0..<20 {
            // One that fails is a line of the log, and one that writes to standard error.
            let failed = try await client.submit("fail\n", to: "a").outcome
            #expect(failed == .failed(reason: "a line of the log"))
            #expect(try await client.submit("fine\n", to: "a").outcome == .done([]))
        }
        await client.close()
        #expect(worker.end(SIGTERM).status == 0)
        #expect(server.end().status == 0)
        withExtendedLifetime(reading) {}
    }

    @Test(arguments: Log.allCases) func serverOfConnectionsGoesOn(log: Log) throws {
        let (errors, reading) = try open(log)
        let server = try Program(
            "talkback",
            [
                "listen", "127.0.0.1:0", "--timeout", "0.05", "--", "sh", "-c",
                "read n; test $n = fine || sleep 9; echo $n",
            ],
            errors: errors)
        let address = try server.address()
        for _ in 0..<3 {
            // One that takes too long is a line on standard error.
            _ = try Socket.answer(from: address, to: "slow\n")
        }
        #expect(server.isRunning)
        #expect(server.end(SIGTERM).status == 0)
        withExtendedLifetime(reading) {}
    }

    @Test func errorThatEndsTheDaemonDoesNotWaitForAReader() throws {
        let (errors, reading) = try open(.fullPipe)
        let taken = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let server = try Program(
            "talkback", ["serve", "--memory", "--listen", "\(try taken.localAddress)"], errors: errors)
        #expect(server.outcome().status == 1)
        withExtendedLifetime(reading) {}
    }

    @Test func fileThatHasReachedItsLimitIsNoEnd() throws {
        let folder = TemporaryFolder()
        let server = try Program(
            shell: "ulimit -f 0; exec talkback serve --memory --listen 127.0.0.1:0 2> \(folder.file("log"))")
        let address = try server.address()
        server.send(SIGUSR1)
        try waitForDraining(address)
        #expect(server.end().status == 0)
    }

    private func waitForDraining(_ address: SocketAddress) throws {
        while try Socket.answer(from: address, to: "put 0 0 1 1\r\nx\r\n") != "DRAINING\r\n" {}
    }

    @Test func sharedDescriptorsStayInBlockingMode() throws {
        let pipe = try FileDescriptor.pipe(options: .closeOnExec)
        let writing = FileHandle(fileDescriptor: pipe.writeEnd.rawValue, closeOnDealloc: true)
        defer { try? pipe.readEnd.close() }
        let server = try Program("talkback", ["serve", "--memory", "--listen", "127.0.0.1:0"], errors: writing)
        let address = try server.address()
        server.send(SIGUSR1)
        try waitForDraining(address)
        #expect(fcntl(pipe.writeEnd.rawValue, F_GETFL) & O_NONBLOCK == 0)
        #expect(server.end().status == 0)
    }

    // MARK: The stream

    @Test func whatDoesNotFitIsDroppedAndCounted() throws {
        let pipe = try FileDescriptor.pipe(options: .closeOnExec)
        try fill(pipe.writeEnd)
        let stream = LogStream(pipe.writeEnd)
        stream.setNotice { "dropped \($0)\n" }
        let line = String(repeating: "x", count: 999)
        let total = LogStream.capacity / 1000 * 3
        // None of these waits, though nobody reads.
        for _ in 0..<total { stream.write(line: line) }
        let dropped = stream.droppedCount
        #expect(dropped > LogStream.capacity / 1000 / 2)
        let writer = pipe.writeEnd
        let text = try readAll(pipe.readEnd) {
            stream.finish()
            try? writer.close()
        }
        let lines = text.split(separator: "\n")
        #expect(lines.filter { $0 == line }.count == total - dropped)
        #expect(lines.last == "dropped \(dropped)")
    }

    /// Everything that comes until the end, which `end` sees to, on a thread of its own.
    private func readAll(_ pipe: FileDescriptor, _ end: @escaping @Sendable () -> Void) throws -> String {
        Thread.detachNewThread(end)
        let data = FileHandle(fileDescriptor: pipe.rawValue, closeOnDealloc: true).readDataToEndOfFile()
        return String(decoding: data, as: UTF8.self)
    }

    @Test func countIsWrittenBeforeTheNextLineThatCanBe() throws {
        let folder = TemporaryFolder()
        // A named pipe can have a reader again.
        let path = folder.file("fifo")
        // SAFETY: the path is read during the call.
        try #require(unsafe mkfifo(path, 0o600) == 0)
        _ = signal(SIGPIPE, SIG_IGN)
        var reader = try FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
        let writer = try FileDescriptor.open(FilePath(path), .writeOnly, options: .closeOnExec)
        try reader.close()
        let stream = LogStream(writer)
        stream.setNotice { "dropped \($0)\n" }
        for _ in 0..<3 { stream.write(line: "lost") }
        stream.finish()
        #expect(stream.droppedCount == 3)
        reader = try FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
        stream.write(line: "here")
        stream.finish()
        var bytes = [UInt8](repeating: 0, count: 100)
        // SAFETY: at most as many bytes are written as there are.
        let count = unsafe try bytes.withUnsafeMutableBytes { unsafe try reader.read(into: $0) }
        #expect(String(decoding: bytes.prefix(count), as: UTF8.self) == "dropped 3\nhere\n")
        try reader.close()
        try writer.close()
    }

    @Test(arguments: ["stats", "watch --interval 0.01", "tubes"]) func readerThatGoesAwayEndsACommandQuietly(
        command: String
    ) throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        let outcome = try Program(shell: "talkback \(command) --address \(address) | head -n 1").outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty && !outcome.output.isEmpty, "\(outcome)")
        #expect(server.end().status == 0)
    }
}
