// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExampleSupport

@main
struct ReverseServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverse-server",
        abstract: "Answers each request with its characters in reverse order.",
        discussion: """
            White space at both ends is trimmed. Of a longer request the first 1024 bytes are reversed, cut back to \
            the last whole character. What is not UTF-8 is reversed byte by byte.
            """)

    @Argument(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Argument(help: "The port; 0 takes a free one.")
    var port: UInt16 = 1234

    @Flag(help: "End after one client.")
    var once = false

    @OptionGroup var limits: Limits

    func run() async throws {
        let server = try await Server(host: host, port: port, limits)
        try await server.run { [once] connection in
            let request = try await connection.receiveRequest(limit: 1024)
            try await connection.send(ReversedText.reply(to: request.bytes, before: request.excess))
            if once { server.stop() }
        }
    }
}
