// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExampleSupport

@main
struct GreetingClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "greeting-client",
        abstract: "Talks to greeting-server and prints each step.")

    @Argument(help: "The server's host name or address.")
    var host = "127.0.0.1"

    @Argument(help: "The server's port.")
    var port: UInt16 = 1935

    @Argument(help: "The text to send.")
    var text = "Ho\r\nfirst blood\r\n"

    @Flag(help: "Print the steps as the tutorial's page does, in HTML.")
    var html = false

    @OptionGroup var patience: Client.Patience

    func run() async throws {
        if html { Console.write("<h2>TCP/IP Connection</h2>\n") }
        say("试图连接 '\(host)' 端口 '\(port)'...")
        let client = try await Client(host: host, port: port, patience)
        say("连接OK")

        try await client.send(text)
        say("发送到服务器信息成功！")
        Console.write("发送的内容为:" + (html ? "<font color='red'>\(escaped(text))</font> <br>\n" : "\(text)\n"))

        while let piece = try await client.receive() {
            say("接收服务器回传信息成功！")
            Console.write("接受的内容为:\(escaped(String(decoding: piece, as: UTF8.self)))\n")
        }
        say("关闭SOCKET...")
        say("关闭OK")
    }

    private func say(_ line: String) {
        Console.write(escaped(line) + (html ? "<br>\n" : "\n"))
    }

    /// The text as it is, or, in a page, with nothing in it that a browser would take for HTML.
    private func escaped(_ text: String) -> String {
        guard html else { return text }
        return text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.append(character)
            }
        }
    }
}
