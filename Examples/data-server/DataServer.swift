// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExampleSupport

@main
struct DataServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data-server",
        abstract: "Answers each request with the text 数据是 and the whole request, then closes.",
        discussion: """
            A request ends where its client ends it (half-close), or with a line feed that nothing follows. A request \
            of more than 8 MiB is answered with a line that says so. Try it with data-client, or with: nc HOST PORT
            """)

    @Argument(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Argument(help: "The port; 0 takes a free one.")
    var port: UInt16 = 12387

    @OptionGroup var limits: Limits

    func run() async throws {
        let maximum = 8 << 20
        let server = try await Server(host: host, port: port, limits)
        try await server.run { connection in
            let request = try await connection.receiveRequest(limit: maximum)
            if request.excess.isEmpty {
                try await connection.send("数据是 ", request.bytes)
            } else {
                try await connection.send("错误: 请求超过 \(maximum) 字节 (the request is too long)\n")
            }
        }
    }
}
