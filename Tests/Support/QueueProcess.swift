// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Sockets

/// A server without jobs, as a process on a Unix socket: `talkback serve --memory`, or a program that takes
/// beanstalkd's flags.
public final class QueueProcess {
    /// The program that the tests are to be run against in place of talkback: what the variable `TESTED_SERVER` names.
    public static var testedProgram: String? { ProcessInfo.processInfo.environment["TESTED_SERVER"] }

    /// A folder of the server's own, with its socket.
    public let folder = TemporaryFolder()
    /// Where it listens.
    public let socket: SocketAddress
    private let program: Program

    /// Starts one, and returns when it listens.
    ///
    /// - Parameter path: The program, if it is not talkback.
    public init(beanstalkd path: String? = testedProgram) async throws {
        let place = "unix:\(folder.file("s"))"
        socket = try SocketAddress(parsing: place)
        program =
            if let path {
                try Program(at: path, ["-l", place])
            } else {
                try Program("talkback", "serve", "--memory", "--listen", place, "--log-level", "error")
            }
        try await waitUntil {
            guard program.isRunning else { throw HasEnded() }
            return (try? Socket.connect(to: socket).close()) != nil
        }
    }

    /// It does not listen, and never will.
    public struct HasEnded: Error {}

    /// Ends it, whatever it is doing.
    public func end() {
        program.kill()
    }
}
