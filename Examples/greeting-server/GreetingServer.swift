// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExampleSupport
import Synchronization

@main
struct GreetingServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "greeting-server",
        abstract: "Greets each client, prints what it says, and ends after a number of clients.",
        discussion: """
            What a client says ends where the client ends it (half-close), with a line feed that nothing follows, or \
            after 8192 bytes. A client that says nothing does not count.
            """)

    @Argument(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Argument(help: "The port; 0 takes a free one.")
    var port: UInt16 = 1935

    @Option(help: "How many clients to hear before ending; 0 never ends.")
    var connections = 5

    @OptionGroup var limits: Limits

    func validate() throws {
        guard connections >= 0 else { throw ValidationError("--connections takes 0 or more.") }
    }

    func run() async throws {
        let server = try await Server(host: host, port: port, limits)
        let heard = Atomic(0)
        try await server.run { [connections] connection in
            try await connection.send("测试成功!\n")
            Console.write("测试成功了\n")
            let request = try await connection.receiveRequest(limit: 8192)
            if request.bytes.isEmpty { return }
            Console.write(Array("收到的信息:".utf8) + request.bytes + Array("\n".utf8))
            let count = heard.add(1, ordering: .relaxed).newValue
            if count == connections { server.stop() }
        }
    }
}
