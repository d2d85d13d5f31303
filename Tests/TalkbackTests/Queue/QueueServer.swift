// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport

/// A server without jobs, and the commands, which are run against it.
final class QueueServer {
    private let process: QueueProcess
    /// A file in the folder in which the commands run.
    func file(_ name: String) -> String { process.folder.file(name) }
    /// Where it listens, also as the commands are told.
    var socket: SocketAddress { process.socket }
    var address: String { "\(socket)" }

    /// - Parameter path: The program, if it is not talkback.
    init(beanstalkd path: String? = QueueProcess.testedProgram) async throws {
        process = try await QueueProcess(beanstalkd: path)
    }

    func end() {
        process.end()
    }

    /// Starts `sh -c`, with TALKBACK_ADDRESS set and the server's folder as the working directory.
    func start(_ script: String) throws -> Program {
        try Program(shell: here(script))
    }

    private func here(_ script: String) -> String {
        "cd '\(process.folder.path)'; export TALKBACK_ADDRESS='\(address)'; \(script)"
    }

    /// Runs `sh -c`. What hangs is ended after a minute.
    func run(_ script: String) throws -> Program.Outcome {
        let quoted = script.replacingOccurrences(of: "'", with: "'\\''")
        let whole = here("exec timeout -s KILL 60 sh -c '\(quoted)'")
        return try Program(shell: whole).outcome()
    }

    /// The standard output of a script that succeeds.
    func output(_ script: String) throws -> String {
        let outcome = try run(script)
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
    func count(_ field: String, in tube: String = "default") throws -> Int? {
        let outcome = try run("talkback stats --tube \(tube)")
        guard outcome.status == 0 else { return nil }
        let line = outcome.output.split(separator: "\n").first { $0.hasPrefix(field + " ") }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }
}

/// Calls `body` with a server that has no jobs.
///
/// - Parameter path: The program, if it is not talkback.
func withQueue(
    beanstalkd path: String? = QueueProcess.testedProgram, _ body: (QueueServer) async throws -> Void
) async throws {
    let server = try await QueueServer(beanstalkd: path)
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(server))
    } catch {
        result = .failure(error)
    }
    server.end()
    try result.get()
}
