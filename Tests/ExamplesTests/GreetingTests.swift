// SPDX-License-Identifier: Apache-2.0

import Sockets
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct GreetingTests {
    @Test func serverGreetsBeforeItIsAsked() throws {
        let server = try Program("greeting-server", "127.0.0.1", "0")
        let client = try Socket.connect(to: server.address())
        #expect(try client.receive(upTo: 100) == Array("测试成功!\n".utf8))
    }

    @Test func serverPrintsWhatItHearsAndEndsAfterFive() throws {
        let server = try Program("greeting-server", "127.0.0.1", "0")
        let address = try server.address()
        for number in 1...5 {
            #expect(try Socket.answer(from: address, to: "client \(number)") == "测试成功!\n")
        }
        let outcome = server.outcome()
        #expect(outcome.status == 0)
        let expected = (1...5).map { "测试成功了\n收到的信息:client \($0)\n" }.joined()
        #expect(outcome.output == expected)
    }

    @Test func clientThatSaysNothingDoesNotCount() throws {
        let server = try Program("greeting-server", "127.0.0.1", "0", "--connections", "1")
        let address = try server.address()
        for _ in 0..<5 {
            #expect(try Socket.answer(from: address, to: "") == "测试成功!\n")
        }
        #expect(try Socket.answer(from: address, to: "here I am") == "测试成功!\n")
        #expect(server.outcome().output.contains("收到的信息:here I am\n"))
    }

    @Test func zeroConnectionsNeverEnd() throws {
        let server = try Program("greeting-server", "127.0.0.1", "0", "--connections", "0")
        let address = try server.address()
        for _ in 0..<8 {
            #expect(try Socket.answer(from: address, to: "x") == "测试成功!\n")
        }
        #expect(server.isRunning)
    }

    @Test func serverTakesAtMostEightThousandBytes() throws {
        let server = try Program("greeting-server", "127.0.0.1", "0", "--connections", "1")
        let address = try server.address()
        let text = String(repeating: "a", count: 8192)
        #expect(try Socket.answer(from: address, to: text + "too much") == "测试成功!\n")
        #expect(server.outcome().output == "测试成功了\n收到的信息:\(text)\n")
    }

    @Test func clientPrintsItsSteps() throws {
        let server = try Program("greeting-server", "127.0.0.1", "0")
        let port = try server.address().port ?? 0
        let outcome = try Program("greeting-client", "127.0.0.1", "\(port)").outcome()
        #expect(outcome.status == 0)
        #expect(
            outcome.output == """
                试图连接 '127.0.0.1' 端口 '\(port)'...
                连接OK
                发送到服务器信息成功！
                发送的内容为:Ho\r\nfirst blood\r\n
                接收服务器回传信息成功！
                接受的内容为:测试成功!

                关闭SOCKET...
                关闭OK

                """)
    }

    @Test func htmlEscapesEverythingFromOutside() throws {
        let server = try Program("greeting-server", "127.0.0.1", "0")
        let port = try server.address().port ?? 0
        let text = "<script>alert(\"1\" & '2')</script>"
        let outcome = try Program("greeting-client", "127.0.0.1", "\(port)", text, "--html").outcome()
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix("<h2>TCP/IP Connection</h2>\n"))
        #expect(
            outcome.output.contains("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;</font>"))
        #expect(!outcome.output.contains("<script>"))
    }
}
