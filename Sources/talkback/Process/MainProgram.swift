// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TalkbackRunner

/// A command that runs until it is told to end.
///
/// Signals are kept for it from the first moment, it does not die of a log that cannot be written, and it can do
/// something while the process has one thread.
protocol LongRunningCommand: AsyncParsableCommand {
    /// What the command does, once all has been done that must be done on the main thread while there is no other.
    func prepare() throws -> @Sendable () async throws -> Void
}

extension LongRunningCommand {
    mutating func run() async throws {
        try await prepare()()
    }
}

/// The process: its main thread, which prepares and then waits for signals, and its end.
@main
enum MainProgram {
    static func main() {
        // Before anything is opened that could get their numbers.
        StandardStreams.openThoseThatAreClosed()
        SignalPipe.forgetInheritance()
        let body: @Sendable () async throws -> Void
        var kind = Kind.short
        do {
            if try LauncherMode.run(CommandLine.arguments) { return }
            // Until it is known what they are to do.
            SignalPipe.hold(Signals.stopNumbers + Signals.harmlessNumbers)
            let command = try Talkback.parseAsRoot(try BeanstalkdArguments.translated(CommandLine.arguments))
            try ArgumentBytes.checkOthers(than: command)
            if let command = command as? any LongRunningCommand {
                kind = .longRunning
                Processes.ignoreWriteSignals()
                try Signals.keep(Signals.stopNumbers + Signals.harmlessNumbers)
                SignalPipe.letGo()
                body = try command.prepare()
            } else {
                // Where there is a toolchain, Swift's runtime takes the first SIGQUIT for a request to print where it
                // is.
                SignalPipe.release([SIGQUIT])
                SignalPipe.letGo()
                body = Self.body(of: command)
            }
        } catch {
            end(with: error, kind)
        }
        // Not `main() async`: its thread would end as far as the C library is concerned, which then leaves it out of
        // what is done to all threads (setuid(2)), and the kernel would give it the process's signals.
        Task.detached { [kind] in
            do {
                try await body()
                end(status: EXIT_SUCCESS)
            } catch {
                end(with: error, kind)
            }
        }
        Signals.dispatch()
    }

    private enum Kind {
        /// What it says is for one user, and is waited for.
        case short
        /// What it says is written by a ``LogStream``.
        case longRunning
    }

    private static func body(of command: sending any ParsableCommand) -> @Sendable () async throws -> Void {
        let box = CommandBox(command)
        return { try await box.run() }
    }

    /// Ends the process with what an error says.
    private static func end(with error: any Error, _ kind: Kind) -> Never {
        let code = Talkback.exitCode(for: error)
        guard kind == .longRunning, code != .success else { Talkback.exit(withError: error) }
        // Behind the log; and nobody who does not read it can keep the process from ending.
        let message = Talkback.fullMessage(for: error)
        if !message.isEmpty { LogStream.standardError.write(line: message) }
        end(status: code.rawValue)
    }

    /// Ends the process.
    static func end(status: Int32) -> Never {
        LogStream.standardOutput.finish()
        LogStream.standardError.finish()
        exit(status)
    }
}

/// A command, on its way to the task that runs it.
private final class CommandBox: @unchecked Sendable {
    // `@unchecked`: the command is used once, by the one task that runs it.
    private var command: any ParsableCommand

    init(_ command: any ParsableCommand) {
        self.command = command
    }

    func run() async throws {
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            try command.run()
        }
    }
}
