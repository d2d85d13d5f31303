// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExampleSupport

@main
struct DataServer: ParsableCommand {
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

    func run() throws {
        let maximum = 8 << 20
        try Server(limits).run(host: host, port: port) { connection in
            let request = try connection.receiveRequest(limit: maximum)
            if request.excess.isEmpty {
                try connection.send("数据是 ")
                try connection.send(request.bytes)
            } else {
                try connection.send("错误: 请求超过 \(maximum) 字节 (the request is too long)\n")
            }
        }
    }
}
