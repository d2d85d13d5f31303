// SPDX-License-Identifier: Apache-2.0

public import Foundation
public import Sockets
internal import SystemPackage
internal import TalkbackRunner

/// One of the package's programs, running as a process of its own.
public final class Program {
    private let process: Int32
    /// The process's number.
    public var processID: Int32 { process }
    /// How it has ended: its exit status, or the negative of a signal.
    private var end: Int32?
    private let lock = NSLock()
    private let output: FileHandle
    private let errors: FileHandle

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

    /// Starts a program whose standard error is somebody else's to read, or nobody's.
    public convenience init(_ name: String, _ arguments: [String], errors: FileHandle) throws {
        try self.init(Self.url(of: name), arguments, errors: errors)
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
        input: FileHandle? = nil, terminal: FileHandle? = nil, errors givenErrors: FileHandle? = nil
    ) throws {
        guard RequiredPrograms.missing.isEmpty else { throw RequiredPrograms.Missing() }
        // Not Foundation's Process: with a thousand descriptors open it reads beyond a buffer, its children have
        // signals blocked, and its way of waiting for an end may never end.
        let errors = try FileDescriptor.pipe(options: .closeOnExec)
        let output = try FileDescriptor.pipe(options: .closeOnExec)
        defer { for end in [errors.writeEnd, output.writeEnd] { try? end.close() } }
        self.errors = FileHandle(fileDescriptor: errors.readEnd.rawValue, closeOnDealloc: true)
        self.output = FileHandle(fileDescriptor: output.readEnd.rawValue, closeOnDealloc: true)
        let nothing = try FileDescriptor.open(FilePath("/dev/null"), .readOnly, options: .closeOnExec)
        defer { try? nothing.close() }
        let standardInput = input.map { FileDescriptor(rawValue: $0.fileDescriptor) } ?? nothing
        let standardOutput = terminal.map { FileDescriptor(rawValue: $0.fileDescriptor) } ?? output.writeEnd
        let standardError = givenErrors.map { FileDescriptor(rawValue: $0.fileDescriptor) } ?? errors.writeEnd
        let result = Processes.spawn(
            program.path, [program.path] + arguments,
            ProcessEnvironment.current.setting(environment.map { "\($0.key)=\($0.value)" }),
            streams: (standardInput, standardOutput, standardError))
        process = try result.get()
    }

    deinit {
        if isRunning {
            send(SIGTERM)
            waitUntilEnd(orKillAfter: 10_000)
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

    /// - Parameter limit: In milliseconds.
    private func waitUntilEnd(orKillAfter limit: Int = .max) {
        var waited = 0
        // waitpid would hold the lock for as long, or take the status from under whoever asks meanwhile; so it is
        // asked, again and again, which another process's end needs no more than a moment for.
        while isRunning {
            usleep(1000)
            waited += 1
            if waited == limit { send(SIGKILL) }
        }
    }

    /// Waits until the program ends by itself.
    public func outcome() -> Outcome {
        let output = output.readDataToEndOfFile()
        let errors = errors.readDataToEndOfFile()
        waitUntilEnd()
        return Outcome(
            output: String(decoding: output, as: UTF8.self), errors: String(decoding: errors, as: UTF8.self),
            status: lock.withLock { end } ?? 0)
    }

    /// Ends the program, whatever it is doing, and waits for it; nobody is to ask for what it has printed.
    public func kill() {
        send(SIGKILL)
        waitUntilEnd()
    }

    /// Ends the program with a signal and waits for it.
    public func end(_ signal: Int32 = 15) -> Outcome {
        send(signal)
        return outcome()
    }

    /// Whether it has not ended.
    public var isRunning: Bool {
        lock.withLock {
            var status: Int32 = 0
            // SAFETY: the number is written during the call.
            guard end == nil, unsafe waitpid(process, &status, WNOHANG) == process else { return end == nil }
            end = status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
            return false
        }
    }

    /// The program's memory that is not a file's.
    public var residentKibibytes: Int? {
        let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    /// How many descriptors the program has open.
    public var descriptorCount: Int? {
        try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
    }

    /// The processor time that the program has used, in hundredths of a second.
    public var processorTicks: Int? {
        let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        // The fields after the name, which may contain anything: the 12th and 13th are the user's and the system's
        // time.
        let fields = text?.split(separator: ")").last?.split(separator: " ")
        guard let fields, fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            return nil
        }
        return user + system
    }

    /// How long its threads have run or waited for a processor, all together.
    public var busyTime: Duration {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return threads.reduce(.zero) { sum, thread in
            let text = try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/schedstat", encoding: .utf8)
            // In nanoseconds: what it ran, and what it waited.
            return sum + .nanoseconds(text?.split(separator: " ").prefix(2).compactMap { Int64($0) }.reduce(0, +) ?? 0)
        }
    }

    /// Waits until a signal has stopped it, so that it does nothing until it gets SIGCONT.
    public func waitUntilStopped() {
        while isRunning {
            let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
            // The state comes after the name, which may contain anything.
            if text?.split(separator: ")").last?.hasPrefix(" T") == true { return }
            // Only its parent is told, and of any child.
            usleep(1000)
        }
    }

    /// Sends it a signal.
    public func send(_ signal: Int32) {
        lock.withLock { if end == nil { _ = Foundation.kill(process, signal) } }
    }

    /// The next line of the program's output, without its line feed.
    public func line() -> String { line(of: output) }

    /// The next line of the program's complaints, without its line feed.
    public func errorLine() -> String { line(of: errors) }

    private func line(of stream: FileHandle) -> String {
        var bytes: [UInt8] = []
        while let byte = stream.readData(ofLength: 1).first, byte != UInt8(ascii: "\n") {
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
