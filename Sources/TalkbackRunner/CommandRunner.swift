// SPDX-License-Identifier: Apache-2.0

public import AsyncSockets
internal import Glibc
internal import Sockets
public import SystemPackage

/// Runs one command again and again, many at a time if need be, through a ``Launcher``.
///
/// ```swift
/// let runner = try CommandRunner(Command(finding: ["php", "tasks/resize.php"]), launcher: launcher)
/// let end = try await runner.run(input: job.body, environment: ["TALKBACK_JOB_ID=\(job.id)"])
/// ```
///
/// Each command is a process group of its own. Its standard input is a file with the input, which it need not read; its
/// standard output is kept, or is this program's; the end of its standard error is kept. On descriptor 3 it can report
/// how far it is.
public actor CommandRunner {
    nonisolated let loop: EventLoop
    /// The event loop that everything happens on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// The most bytes that are kept of what a command writes to standard error: the last ones.
    public static let errorLimit = 8192
    /// The most bytes that are kept of what a command writes to standard output: the first ones.
    public static let outputLimit = 1 << 20
    /// The descriptor that a command can write to how far it is, a line each time.
    public static let progressDescriptor: Int32 = 3

    /// How a command has ended.
    public struct End: Hashable, Sendable {
        /// Its exit status; the negative of the signal that has ended it.
        public let status: Int32
        /// The end of what it has written to standard error, at most ``CommandRunner/errorLimit`` bytes.
        public let errors: [UInt8]
        /// How many bytes it has written there.
        public let errorCount: Int
        /// The beginning of what it has written to standard output, at most ``CommandRunner/outputLimit`` bytes; none
        /// if that is this program's.
        public let output: [UInt8]
        /// How many bytes it has written there.
        public let outputCount: Int
        /// The end of what it has written there, at most ``CommandRunner/errorLimit`` bytes; none if that is this
        /// program's.
        public let outputEnd: [UInt8]
    }

    /// What becomes of a command's standard output.
    public enum OutputUse: Hashable, Sendable {
        /// It is kept.
        case kept
        /// It is this program's.
        case shared
    }

    private struct Running {
        var continuation: CheckedContinuation<Result<Int32, RunnerError>, Never>
        /// The number of its process and its group, once that is known.
        var process: Int32?
    }

    private struct Request {
        let request: LauncherRequest
        let descriptors: [FileDescriptor]
        /// Those that are this program's no more once they were sent.
        let closing: [FileDescriptor]

        init(_ request: LauncherRequest, _ descriptors: [FileDescriptor] = [], closing: [FileDescriptor] = []) {
            self.request = request
            self.descriptors = descriptors
            self.closing = closing
        }

        func close() {
            for descriptor in closing { try? descriptor.close() }
        }
    }

    private let launcher: Command
    private var control: Socket?
    /// Requests that the launcher had no room for yet.
    private var outbox: [Request] = []
    private var isSendingLater = false
    private var running: [UInt32: Running] = [:]
    private var nextSlot: UInt32 = 0

    /// A runner that has started nothing yet.
    ///
    /// - Parameters:
    ///   - launcher: What runs ``Launcher/run(_:grace:)`` with the command that is meant.
    ///   - loop: The loop that it waits on.
    public init(launcher: Command, on loop: EventLoop) {
        self.launcher = launcher
        self.loop = loop
    }

    /// Runs the command, and waits for its end.
    ///
    /// When the task is cancelled, its process group is ended: with SIGTERM, and with SIGKILL after the launcher's
    /// grace.
    ///
    /// - Parameters:
    ///   - input: What it can read from standard input.
    ///   - variables: Environment variables beside this program's own, each `NAME=value`.
    ///   - outputUse: What becomes of its standard output.
    ///   - onReport: Told of the lines that it writes to ``progressDescriptor``, on the runner's loop; of those that
    ///     come together only the last.
    /// - Throws: ``RunnerError`` if it was not started, or nothing is known of its end.
    public func run(
        input: [UInt8], environment variables: [String], output outputUse: OutputUse = .shared,
        onReport: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) async throws(RunnerError) -> End {
        let file: FileDescriptor
        let (errors, reports, output): (Output, Output, Output?)
        do throws(Errno) {
            file = try await Self.memoryFile(input)
        } catch {
            throw .system("make a file in memory", error)
        }
        do throws(Errno) {
            (errors, reports, output) = try Self.outputs(outputUse, onReport)
        } catch {
            try? file.close()
            throw .system("make a pipe", error)
        }
        let outputs = [errors, reports] + (output.map { [$0] } ?? [])
        let readings = outputs.map { output in
            Task(executorPreference: loop) { await self.read(output) }
        }
        nextSlot &+= 1
        let slot = nextSlot
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                start(slot, variables, input: file, output, errors, reports, continuation)
                // The task is marked before the handler runs, so either this finds the mark or the handler the command.
                if Task.isCancelled { terminate(slot) }
            }
        } onCancel: {
            Task { await self.terminate(slot) }
        }
        // What the command has written is there by now. What it has left behind may go on writing, to nobody.
        for reading in readings { reading.cancel() }
        for reading in readings { await reading.value }
        for output in outputs { output.takeRest() }
        return End(
            status: try result.get(), errors: errors.bytes, errorCount: errors.count, output: output?.bytes ?? [],
            outputCount: output?.count ?? 0, outputEnd: output?.end(Self.errorLimit) ?? [])
    }

    private static func outputs(
        _ use: OutputUse, _ onReport: @escaping ([UInt8]) -> Void
    ) throws(Errno) -> (Output, Output, Output?) {
        let errors = try Output(.last(errorLimit))
        do throws(Errno) {
            let reports = try Output(.lastLine(limit: 1024, onReport))
            do throws(Errno) {
                return (errors, reports, try use == .kept ? Output(.both(first: outputLimit, last: errorLimit)) : nil)
            } catch {
                try? reports.writing.close()
                throw error
            }
        } catch {
            try? errors.writing.close()
            throw error
        }
    }

    /// Not on the loop if it takes long.
    private static func memoryFile(_ input: [UInt8]) async throws(Errno) -> FileDescriptor {
        guard input.count > 1 << 20 else { return try MemoryFile.make(input) }
        let result = await Task.detached { Result { () throws(Errno) in try MemoryFile.make(input) } }.value
        return try result.get()
    }

    private func read(_ output: Output) async { await output.read(on: loop) }

    private func start(
        _ slot: UInt32, _ variables: [String], input: FileDescriptor, _ output: Output?, _ errors: Output,
        _ reports: Output, _ continuation: CheckedContinuation<Result<Int32, RunnerError>, Never>
    ) {
        running[slot] = Running(continuation: continuation)
        let closed = [input, errors.writing, reports.writing] + (output.map { [$0.writing] } ?? [])
        outbox.append(
            Request(
                .start(slot, environment: variables),
                [input, output?.writing ?? .standardOutput, errors.writing, reports.writing], closing: closed))
        do throws(RunnerError) {
            if control == nil { try startLauncher() }
        } catch {
            dropOutbox()
            for slot in running.keys { finish(slot, .failure(error)) }
            return
        }
        sendRequests()
    }

    /// Sends what the launcher has room for, and the rest later: this never waits for it, as it may wait for this.
    private func sendRequests() {
        while let next = outbox.first, control != nil {
            do throws(SocketError) {
                _ = try control?.sendMessage(next.request.bytes, descriptors: next.descriptors, flags: .doNotWait)
            } catch {
                // That it is gone is seen when its next report is received. Anything else passes: it is behind, with
                // too many descriptors on their way (ETOOMANYREFS), or the system is short of something.
                if error.errno != .brokenPipe, error.errno != .connectionReset { sendLater() }
                return
            }
            next.close()
            outbox.removeFirst()
        }
    }

    private func sendLater() {
        guard !isSendingLater else { return }
        isSendingLater = true
        loop.schedule(after: .milliseconds(1)) { [weak self] in
            self?.assumeIsolated { runner in
                runner.isSendingLater = false
                runner.sendRequests()
            }
        }
    }

    private func dropOutbox() {
        for request in outbox { request.close() }
        outbox = []
    }

    private func terminate(_ slot: UInt32) {
        guard running[slot] != nil else { return }
        outbox.append(Request(.terminate(slot)))
        sendRequests()
    }

    private func finish(_ slot: UInt32, _ result: Result<Int32, RunnerError>) {
        running.removeValue(forKey: slot)?.continuation.resume(returning: result)
    }

    // MARK: The launcher

    private func startLauncher() throws(RunnerError) {
        let pair: SocketPair
        do throws(SocketError) {
            pair = try Socket.pair(.sequencedPacket)
        } catch {
            throw .system("start the launcher", error.errno ?? .ioError)
        }
        let theirs = pair.second.withDescriptor { $0 }
        let result = Processes.spawn(
            launcher.path, launcher.arguments, .forTasks,
            streams: (theirs, .standardOutput, .standardError), directory: launcher.directory)
        switch result {
        case .failure(let errno): throw .system("start the launcher", errno)
        case .success(let process):
            let ours = pair.first
            let descriptor = ours.withDescriptor { $0 }
            control = consume ours
            Task(executorPreference: loop) { await self.takeReports(descriptor, of: process) }
        }
    }

    /// Takes what the launcher reports, until it is gone.
    private func takeReports(_ descriptor: FileDescriptor, of process: Int32) async {
        while receiveReports() {
            guard let events = try? await loop.wait(for: .readable, on: descriptor), !events.isEmpty else { break }
        }
        launcherIsGone()
        // It ends by itself, when its commands have.
        while waitpid(process, nil, WNOHANG) == 0 { _ = try? await loop.sleep(for: .milliseconds(50)) }
    }

    /// - Returns: Whether there will be more.
    private func receiveReports() -> Bool {
        while true {
            do throws(SocketError) {
                guard let bytes = try control?.receive(upTo: 64, flags: .doNotWait), !bytes.isEmpty,
                    let report = LauncherReport(bytes)
                else { return false }
                take(report)
            } catch {
                // What it had reported before it ended comes behind this.
                if error.errno == .connectionReset { continue }
                return error.errno == .wouldBlock
            }
        }
    }

    private func take(_ report: LauncherReport) {
        switch report {
        case .started(let slot, let process): running[slot]?.process = process
        case .failed(let slot, let errno): finish(slot, .failure(.system("start the command", errno)))
        case .ended(let slot, let status): finish(slot, .success(status))
        }
    }

    private func launcherIsGone() {
        control = nil
        dropOutbox()
        // It could not do it.
        for entry in running.values {
            if let group = entry.process { Processes.signal(group: group, SIGKILL) }
        }
        for slot in running.keys { finish(slot, .failure(.launcherIsGone)) }
    }
}

/// Why a command was not run.
public enum RunnerError: Error, Hashable, Sendable {
    /// The system has refused something.
    case system(String, Errno)
    /// The process that starts the commands has ended. What it had started was killed; the next command gets a new one.
    case launcherIsGone
}

extension RunnerError: CustomStringConvertible {
    /// What was tried, and why it failed.
    public var description: String {
        switch self {
        case .system(let operation, let errno): "\(operation): \(errno)"
        case .launcherIsGone: "the process that starts the commands has ended"
        }
    }
}
