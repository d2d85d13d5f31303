// SPDX-License-Identifier: Apache-2.0

public import Foundation
public import Sockets

/// One of the package's programs, running as a process of its own.
public final class Program {
    private let process = Process()
    private let output = Program.pipe()
    private let errors = Program.pipe()

    /// Foundation starts one program at a time: two at once were seen to crash it.
    private static let starting = NSLock()

    /// One that no other program inherits: its output would have no end before that one's.
    private static func pipe() -> Pipe {
        starting.lock()
        defer { starting.unlock() }
        let pipe = Pipe()
        for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
            _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        return pipe
    }

    /// Starts a program.
    public convenience init(_ name: String, _ arguments: String...) throws {
        try self.init(name, arguments)
    }

    /// Starts a program that gives freed memory back at once even where AddressSanitizer would keep it for a while.
    public convenience init(forgettingFreedMemory name: String, _ arguments: String...) throws {
        let options = ProcessInfo.processInfo.environment["ASAN_OPTIONS"].map { $0 + ":" } ?? ""
        try self.init(Self.url(of: name), arguments, ["ASAN_OPTIONS": options + "quarantine_size_mb=0"])
    }

    /// Starts a program that can have only so many descriptors open.
    public convenience init(descriptorLimit: Int, _ name: String, _ arguments: String...) throws {
        let program = Self.url(of: name).path
        try self.init(
            URL(fileURLWithPath: "/bin/sh"),
            ["-c", "ulimit -n \(descriptorLimit) && exec \"$0\" \"$@\"", program] + arguments)
    }

    /// Starts a program.
    public convenience init(_ name: String, _ arguments: [String]) throws {
        try self.init(Self.url(of: name), arguments)
    }

    /// Starts a program with something as its standard input.
    public convenience init(_ name: String, _ arguments: [String], input: FileHandle) throws {
        try self.init(Self.url(of: name), arguments, input: input)
    }

    /// Starts a program with a terminal as its standard input and output.
    public convenience init(_ name: String, _ arguments: [String], terminal: FileHandle) throws {
        try self.init(Self.url(of: name), arguments, input: terminal, terminal: terminal)
    }

    /// Starts a shell, which finds the package's programs by their names.
    public convenience init(shell script: String) throws {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let programs = Self.url(of: "").path
        try self.init(at: "/bin/sh", ["-c", script], ["PATH": "\(programs):\(path)"])
    }

    /// Starts whatever program is at a path.
    public convenience init(at path: String, _ arguments: [String], _ environment: [String: String] = [:]) throws {
        try self.init(URL(fileURLWithPath: path), arguments, environment)
    }

    /// The path of one of the package's programs.
    public static func path(of name: String) -> String { url(of: name).path }

    /// Where a program is: beside the program that runs these tests.
    private static func url(of name: String) -> URL {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return tests.deletingLastPathComponent().appendingPathComponent(name)
    }

    private init(
        _ program: URL, _ arguments: [String], _ environment: [String: String] = [:],
        input: FileHandle = .nullDevice, terminal: FileHandle? = nil
    ) throws {
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.executableURL = program
        process.arguments = arguments
        if let terminal {
            process.standardOutput = terminal
            // Nobody else would close it, and its output would have no end.
            try output.fileHandleForWriting.close()
        } else {
            process.standardOutput = output
        }
        process.standardError = errors
        process.standardInput = input
        Self.starting.lock()
        defer { Self.starting.unlock() }
        try process.run()
    }

    deinit {
        if process.isRunning {
            process.terminate()
            waitUntilEnd()
        }
    }

    /// What a program printed and how it ended.
    public struct Outcome {
        /// Its standard output.
        public var output: String
        /// Its standard error.
        public var errors: String
        /// Its exit status; the negative of the signal that ended it.
        public var status: Int32
    }

    /// Not in Foundation's way, which runs a run loop and may never end.
    private func waitUntilEnd() {
        while process.isRunning { usleep(500) }
    }

    /// Waits until the program ends by itself.
    public func outcome() -> Outcome {
        let output = output.fileHandleForReading.readDataToEndOfFile()
        let errors = errors.fileHandleForReading.readDataToEndOfFile()
        waitUntilEnd()
        return Outcome(
            output: String(decoding: output, as: UTF8.self), errors: String(decoding: errors, as: UTF8.self),
            status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus)
    }

    /// Ends the program with a signal and waits for it.
    public func end(_ signal: Int32 = 15) -> Outcome {
        kill(process.processIdentifier, signal)
        return outcome()
    }

    /// Whether it has not ended.
    public var isRunning: Bool { process.isRunning }

    /// The program's memory that is not a file's.
    public var residentKibibytes: Int? {
        let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    /// The processor time that the program has used, in hundredths of a second.
    public var processorTicks: Int? {
        let text = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
        // The fields after the name, which may contain anything: the 12th and 13th are the user's and the system's time.
        let fields = text?.split(separator: ")").last?.split(separator: " ")
        guard let fields, fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            return nil
        }
        return user + system
    }

    /// Waits until a signal has stopped it, so that it does nothing until it gets SIGCONT.
    public func waitUntilStopped() {
        while isRunning {
            let text = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
            // The state comes after the name, which may contain anything.
            if text?.split(separator: ")").last?.hasPrefix(" T") == true { return }
            usleep(1000)
        }
    }

    /// Sends it a signal.
    public func send(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// The next line of the program's output, without its line feed.
    public func line() -> String { line(of: output) }

    /// The next line of the program's complaints, without its line feed.
    public func errorLine() -> String { line(of: errors) }

    private func line(of pipe: Pipe) -> String {
        var bytes: [UInt8] = []
        while let byte = pipe.fileHandleForReading.readData(ofLength: 1).first, byte != UInt8(ascii: "\n") {
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The address that a server says it listens on, in its first line.
    public func address() throws -> SocketAddress {
        try SocketAddress(parsing: String(line().dropFirst("listening on ".count)))
    }
}

extension Socket {
    /// Everything up to the end of the stream.
    public func receiveAll() throws(SocketError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try receive(upTo: 65_536)
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }

    /// Everything up to the end of the stream, as text.
    public func receiveText() throws(SocketError) -> String {
        String(decoding: try receiveAll(), as: UTF8.self)
    }

    /// The answer to a request that is ended by a half-close.
    public static func answer(from address: SocketAddress, to request: String) throws(SocketError) -> String {
        let client = try Socket.connect(to: address)
        try client.sendAll(request)
        try client.shutdown(.sending)
        return try client.receiveText()
    }
}
