// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExampleSupport

@main
struct ReverseClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverse-client",
        abstract: "Sends a text to reverse-server and prints it as it comes back, reversed.")

    @Argument(help: "The server's host name or address.")
    var host = "127.0.0.1"

    @Argument(help: "The server's port.")
    var port: UInt16 = 1234

    @Argument(help: "The text to send.")
    var text = "hello"

    @OptionGroup var patience: Client.Patience

    func run() async throws {
        let client = try await Client(host: host, port: port, patience)
        try await client.send(text)
        while let piece = try await client.receive() {
            Console.write(piece)
        }
    }
}
