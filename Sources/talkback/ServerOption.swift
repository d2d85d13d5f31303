// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TalkbackClient

/// Which server a command talks to.
struct ServerOption: ParsableArguments {
    @Option(
        help: """
            Where the server is: HOST:PORT, or unix:PATH. (default: the environment's TALKBACK_ADDRESS, or 127.0.0.1:11300)
            """)
    var address: String?

    func validate() throws {
        _ = try server
    }

    var server: ServerAddress {
        get throws {
            if let address { return try Self.parsed(address, of: "--address") }
            guard let address = ProcessInfo.processInfo.environment["TALKBACK_ADDRESS"], !address.isEmpty else {
                return .default
            }
            return try Self.parsed(address, of: "TALKBACK_ADDRESS")
        }
    }

    private static func parsed(_ text: String, of origin: String) throws -> ServerAddress {
        guard let address = ServerAddress(parsing: text) else {
            throw ValidationError("\(origin) takes HOST:PORT or unix:PATH, not \"\(text)\".")
        }
        return address
    }
}
