// SPDX-License-Identifier: Apache-2.0

public import AsyncSockets
internal import CRunner
internal import Glibc
internal import Sockets
internal import SystemPackage

/// Keeps a program running: starts it again, after a pause, whenever it has ended by itself.
///
/// The program's standard input is a pipe on which nothing ever comes, and that ends when this process does, however it
/// does: a program that wants to end then too need only read it. It is the leader of a process group of its own, so
/// that a terminal's signals are not meant for it.
public actor Supervisor {
    nonisolated let loop: EventLoop
    /// The event loop that everything happens on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// What has happened to the program.
    public enum Event: Hashable, Sendable {
        /// It runs, as this process.
        case started(process: Int32)
        /// It has ended by itself: with an exit status, or the negative of a signal. It is started again after a pause.
        case ended(status: Int32)
        /// It could not be started. That is tried again after a pause.
        case failed(RunnerError)
    }

    private let command: Command
    private let environment: [String]
    private var process: Int32?
    private var isStopping = false
    private var pause: Task<Void, Never>?

    /// The pauses before the program is started again; one that has run for longer than the longest begins with the
    /// shortest.
    private static let pauses = (shortest: Duration.milliseconds(200), longest: Duration.seconds(10))

    /// A supervisor that has started nothing yet.
    ///
    /// - Parameters:
    ///   - command: What to keep running.
    ///   - environment: Variables beside this program's own, each `NAME=value`.
    ///   - loop: The loop that it waits on.
    public init(_ command: Command, environment: [String] = [], on loop: EventLoop) {
        self.command = command
        self.environment = environment
        self.loop = loop
    }

    /// Keeps the program running until ``stop()``, and waits for its end then.
    ///
    /// - Parameter onEvent: Told what happens.
    public func run(onEvent: @Sendable (Event) -> Void) async {
        var pause = Self.pauses.shortest
        while !isStopping {
            let start = ContinuousClock.now
            do throws(RunnerError) {
                let status = try await runOnce(onEvent)
                if isStopping { return }
                onEvent(.ended(status: status))
            } catch {
                onEvent(.failed(error))
            }
            if start.duration(to: .now) > Self.pauses.longest { pause = Self.pauses.shortest }
            let wait = Task { [loop, pause] in _ = try? await loop.sleep(for: pause) }
            self.pause = wait
            await wait.value
            pause = min(pause * 2, Self.pauses.longest)
        }
    }

    /// Asks the program to end, with SIGTERM; each call asks once more.
    public func stop() {
        isStopping = true
        pause?.cancel()
        if let process { kill(process, SIGTERM) }
    }

    private func runOnce(_ onEvent: @Sendable (Event) -> Void) async throws(RunnerError) -> Int32 {
        let lifeline: (reading: FileDescriptor, writing: FileDescriptor)
        do throws(Errno) {
            lifeline = try OutputPipe.make()
        } catch {
            throw .system("make a pipe", error)
        }
        defer { try? lifeline.writing.close() }
        let result = Processes.spawn(
            command.path, command.arguments, ProcessEnvironment.forTasks.setting(environment),
            streams: (lifeline.reading, .standardOutput, .standardError))
        try? lifeline.reading.close()
        let process: Int32
        switch result {
        case .success(let number): process = number
        case .failure(let errno): throw .system("start \(command.arguments.first ?? command.path)", errno)
        }
        self.process = process
        onEvent(.started(process: process))
        if isStopping { kill(process, SIGTERM) }
        let descriptor = FileDescriptor(rawValue: crunner_process_descriptor(process))
        defer { try? descriptor.close() }
        var status: Int32 = 0
        // SAFETY: the number is written during the call.
        while unsafe waitpid(process, &status, WNOHANG) == 0 {
            // Without a descriptor, or without this task, there is still the clock.
            let events = try? await loop.wait(for: .readable, on: descriptor)
            if events?.isEmpty ?? true { _ = try? await loop.sleep(for: .milliseconds(50)) }
        }
        self.process = nil
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
    }
}
