// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExampleSupport

@main
struct DataClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data-client",
        abstract: "Sends a text to data-server and prints the whole answer.")

    @Argument(help: "The server's host name or address.")
    var host = "127.0.0.1"

    @Argument(help: "The server's port.")
    var port: UInt16 = 12387

    @Argument(help: "The text to send.")
    var text = "hello \n"

    @OptionGroup var patience: Client.Patience

    func run() async throws {
        Console.write("try to connect to \(host):\(port)...\n")
        let client = try await Client(host: host, port: port, patience)
        try await client.send(text)
        Console.write("发送成功！\n接受内容为：")
        while let piece = try await client.receive() {
            Console.write(piece)
        }
        Console.write("\n")
    }
}
