// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import Foundation
import TalkbackClient

/// What all commands of a queue's clients have in common.
struct QueueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the server is: HOST:PORT, or unix:PATH. (default: $TALKBACK_ADDRESS, or 127.0.0.1:11300)",
            valueName: "address"))
    var address: String?

    func validate() throws {
        _ = try serverAddress()
    }

    private func serverAddress() throws -> ServerAddress {
        if let address { return ServerAddress(try Place(address, of: "--address")) }
        guard let address = ProcessInfo.processInfo.environment["TALKBACK_ADDRESS"], !address.isEmpty else {
            return .default
        }
        return ServerAddress(try Place(address, of: "TALKBACK_ADDRESS"))
    }

    /// Calls `body` with a client that is connected. A server that cannot be reached is an error at once.
    func withClient(_ body: (Client) async throws -> Void) async throws {
        StandardStreams.openThoseThatAreClosed()
        do {
            let address = try serverAddress()
            let loop = try EventLoop()
            // All on one thread: what is started first is sent first, and many commands go out together.
            try await withTaskExecutorPreference(loop) {
                let client = try await Client.connect(to: address, options: ClientOptions(patience: .zero))
                try await body(client)
                await client.close()
            }
        } catch let error as ClientError where error.reason == .notFound {
            StandardStreams.complain("Error: \(error)")
            throw ExitCode.nothingThere
        }
    }
}

extension ServerAddress {
    fileprivate init(_ place: Place) {
        switch place {
        case .address(let address): self.init(address)
        case .host(let host, let port): self.init(host: host, port: port)
        }
    }
}

extension ExitCode {
    /// There is no such job or tube, or there was no job in time.
    static let nothingThere = ExitCode(2)
}
