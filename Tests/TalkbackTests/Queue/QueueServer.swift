// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport

/// A server without jobs, as a process: `talkback serve --memory`, or the program that `TESTED_SERVER` names, which takes
/// beanstalkd's flags. And the commands, which are run against it.
final class QueueServer {
    let folder = TemporaryFolder()
    private let program: Program
    /// Where it listens, also as the commands are told.
    let socket: SocketAddress
    let address: String

    /// - Parameter path: The program, if it is not talkback.
    init(beanstalkd path: String? = ProcessInfo.processInfo.environment["TESTED_SERVER"]) async throws {
        let file = folder.file("s")
        address = "unix:\(file)"
        socket = try SocketAddress(unixPath: file)
        program =
            if let path {
                try Program(at: path, ["-l", address])
            } else {
                try Program("talkback", "serve", "--memory", "--listen", address, "--log-level", "error")
            }
        while (try? Socket.connect(to: socket).close()) == nil {
            guard program.isRunning else { throw ServerHasEnded() }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    struct ServerHasEnded: Error {}

    /// Ends the server, and waits for it. A server that was started by Foundation may have SIGTERM blocked.
    func end() async throws {
        program.send(SIGKILL)
        while program.isRunning { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Starts `sh -c`, with TALKBACK_ADDRESS set and the server's folder as the working directory.
    func start(_ script: String) throws -> Program {
        try Program(shell: here(script))
    }

    private func here(_ script: String) -> String {
        "cd '\(folder.path)'; export TALKBACK_ADDRESS='\(address)'; \(script)"
    }

    /// Runs `sh -c`, on a thread that may block. What hangs is ended after a minute.
    func run(_ script: String) async throws -> Program.Outcome {
        let quoted = script.replacingOccurrences(of: "'", with: "'\\''")
        let whole = here("exec timeout -s KILL 60 sh -c '\(quoted)'")
        return try await Self.outcome { try Program(shell: whole) }
    }

    /// How a program ends that is started now.
    static func outcome(of start: @escaping @Sendable () throws -> Program) async throws -> Program.Outcome {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try start().outcome() }) }
        }
    }

    /// The standard output of a script that succeeds.
    func output(_ script: String) async throws -> String {
        let outcome = try await run(script)
        guard outcome.status == 0 else {
            throw HasFailed(script: script, status: outcome.status, errors: outcome.errors)
        }
        return outcome.output
    }

    struct HasFailed: Error {
        var script: String
        var status: Int32
        var errors: String
    }

    /// A field of a tube's statistics; `nil` if there is no such tube.
    func count(_ field: String, in tube: String = "default") async throws -> Int? {
        let outcome = try await run("talkback stats --tube \(tube)")
        guard outcome.status == 0 else { return nil }
        let line = outcome.output.split(separator: "\n").first { $0.hasPrefix(field + " ") }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }
}

/// Calls `body` with a server that has no jobs.
func withQueue(_ body: (QueueServer) async throws -> Void) async throws {
    let server = try await QueueServer()
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(server))
    } catch {
        result = .failure(error)
    }
    try await server.end()
    try result.get()
}
