// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import TalkbackClient

/// What all commands of a queue's clients have in common.
struct QueueOptions: ParsableArguments {
    @OptionGroup var server: ServerOption

    /// Calls `body` with a client that is connected. A server that cannot be reached is an error at once.
    ///
    /// - Parameter patience: How long it may be away later.
    func withClient(patience: Duration = .zero, _ body: (Client) async throws -> Void) async throws {
        StandardStreams.openThoseThatAreClosed()
        do {
            let loop = try EventLoop()
            // All on one thread: what is started first is sent first, and many commands go out together.
            try await withTaskExecutorPreference(loop) {
                let client = try await server.connect(ClientOptions(patience: patience))
                try await body(client)
                await client.close()
            }
        } catch let error as ClientError where error.reason == .notFound {
            StandardStreams.complain("Error: \(error)")
            throw ExitCode.nothingThere
        }
    }
}

extension ExitCode {
    /// There is no such job or tube, or there was no job in time.
    static let nothingThere = ExitCode(2)
}
