// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TalkbackClient

/// Which server a command talks to.
struct ServerOption: ParsableArguments {
    @Option(
        name: .customLong("address"),
        help: ArgumentHelp(
            """
            The server: HOST:PORT, or unix:PATH. (default: what the environment variable TALKBACK_ADDRESS says, or \
            127.0.0.1:11300)
            """,
            valueName: "address"))
    private var given: ServerAddressArgument?

    var address: ServerAddress { given?.address ?? Self.environmentAddress ?? .default }

    /// A client that is connected; a server that is not there is an error at once.
    ///
    /// - Parameter options: How long the server may be away later.
    func connect(_ options: ClientOptions = ClientOptions(patience: .zero)) async throws -> Client {
        do throws(ClientError) {
            return try await Client.connect(to: address, options: options)
        } catch {
            guard case .cannotConnect = error.reason else { throw error }
            throw CleanError("\(error); \"talkback serve\" starts one, and --address names another")
        }
    }

    private static var environmentAddress: ServerAddress? {
        ProcessInfo.processInfo.environment["TALKBACK_ADDRESS"].flatMap { ServerAddress(parsing: $0) }
    }

    func validate() throws {
        guard given == nil, let text = ProcessInfo.processInfo.environment["TALKBACK_ADDRESS"],
            ServerAddress(parsing: text) == nil
        else { return }
        throw ValidationError("TALKBACK_ADDRESS takes HOST:PORT or unix:PATH, not \"\(text)\".")
    }
}

/// A server's address in an argument.
struct ServerAddressArgument: ExpressibleByArgument {
    let address: ServerAddress

    init?(argument: String) {
        guard let address = ServerAddress(parsing: argument) else { return nil }
        self.address = address
    }
}

/// A tube in an argument.
struct TubeArgument: ExpressibleByArgument, CustomStringConvertible {
    let tube: Tube

    init(_ tube: Tube) {
        self.tube = tube
    }

    /// Says what is wrong with a name that cannot be.
    init(checking argument: String) throws {
        tube = try Tube(argument: argument)
    }

    init?(argument: String) {
        guard let tube = Tube(argument) else { return nil }
        self.tube = tube
    }

    var description: String { tube.description }
}
