// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation
import Sockets
import Subprocess
import SystemPackage
import TalkbackRunner

/// The command that each connection gets.
struct ServedCommand: Sendable {
    private let configuration: Configuration
    private let timeLimit: Seconds?
    /// What is in the environment for this program alone.
    private let withheld: [Environment.Key: String?]

    /// How long a process group has between SIGTERM and SIGKILL.
    private static let grace: Duration = .seconds(3)

    /// - Parameters:
    ///   - words: The command's name, which is looked up now, or its path, and its arguments.
    ///   - timeLimit: How long it may run; `nil` for as long as it likes.
    /// - Throws: `CleanError` if there is no such program.
    init(_ words: [String], timeLimit: Seconds?) async throws {
        let name = words.first ?? ""
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: Self.grace)
        ]
        configuration = Configuration(
            executable: .path(try await Self.path(of: name)),
            arguments: Arguments(executablePathOverride: name, remainingValues: Array(words.dropFirst())),
            platformOptions: options)
        self.timeLimit = timeLimit
        var withheld: [Environment.Key: String?] = [:]
        for name in ProcessInfo.processInfo.environment.keys where TaskEnvironment.withholds(name) {
            withheld.updateValue(nil, forKey: Environment.Key(stringLiteral: name))
        }
        self.withheld = withheld
    }

    private static func path(of name: String) async throws -> FilePath {
        guard name.contains("/") else {
            guard let path = try? await Executable.name(name).resolveExecutablePath(in: .inherit) else {
                throw CleanError("start \(name): there is no such program in PATH")
            }
            return path
        }
        var isFolder = ObjCBool(false)
        // SAFETY: the flag is there during the call.
        guard unsafe FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) else {
            throw CleanError("start \(name): there is no such file")
        }
        guard !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: name) else {
            throw CleanError("start \(name): it is not a program that may be run")
        }
        return FilePath(name)
    }

    /// Runs the command with the connection, which is the command's from then on, and waits for the command's end.
    ///
    /// When the time is over, or the task is cancelled, the command's process group is ended.
    func run(for connection: Connection) async throws {
        if connection.peerAddress.ip != nil { try connection.set(Connection.KeepAlive()) }
        var configuration = configuration
        configuration.environment = .inherit.updating(withheld.merging(PeerVariables.all(of: connection)) { $1 })
        let loop = connection.loop
        let socket = try connection.release().release()
        let end = try await withThrowingTaskGroup(of: Event.self) { [configuration, timeLimit] tasks in
            tasks.addTask { .commandHasEnded(leader: try await Self.run(configuration, socket)) }
            if let timeLimit {
                tasks.addTask {
                    try? await loop.sleep(for: timeLimit.duration)
                    return .timeIsOver
                }
            }
            var isLate = false
            while true {
                switch try await tasks.next() {
                case .commandHasEnded(let leader):
                    tasks.cancelAll()
                    return (leader: leader, isLate: isLate)
                case .timeIsOver, nil:
                    isLate = !Task.isCancelled
                    // Subprocess ends the command.
                    tasks.cancelAll()
                }
            }
        }
        if end.isLate || Task.isCancelled { await ProcessGroup.end(end.leader, grace: Self.grace) }
        if end.isLate, let timeLimit { throw CleanError("the command was ended after \(timeLimit) seconds") }
    }

    /// Starts a command and waits for its end.
    ///
    /// - Parameter socket: Closed in this process as soon as the command has it.
    /// - Returns: The number of the process, and of its group.
    private static func run(_ configuration: Configuration, _ socket: FileDescriptor) async throws -> Int32 {
        do {
            // One descriptor for both, which is closed once.
            let result = try await Subprocess.run(
                configuration, input: .fileDescriptor(socket, closeAfterSpawningProcess: true),
                output: .fileDescriptor(socket, closeAfterSpawningProcess: false), error: .currentStandardError)
            return result.processIdentifier.value
        } catch let error as SubprocessError {
            let reason = error.underlyingError.map { "\($0)" } ?? "\(error)"
            throw CleanError("start \(configuration.executable): \(reason)")
        }
    }

    private enum Event {
        /// The process that was started is gone; others of its group may be there.
        case commandHasEnded(leader: Int32)
        /// Also when the waiting was cancelled.
        case timeIsOver
    }
}
