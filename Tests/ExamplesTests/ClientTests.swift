// SPDX-License-Identifier: Apache-2.0

import Sockets
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct ClientTests {
    static let clients = ["data-client", "greeting-client", "reverse-client"]

    @Test func dataClientPrintsTheWholeAnswer() throws {
        let server = try Program("data-server", "127.0.0.1", "0")
        let port = try server.address().port ?? 0
        let outcome = try Program("data-client", "localhost", "\(port)").outcome()
        #expect(outcome.status == 0)
        #expect(
            outcome.output == """
                try to connect to localhost:\(port)...
                发送成功！
                接受内容为：数据是 hello \n

                """)
    }

    @Test(arguments: clients)
    func refusedConnectionIsAnError(name: String) throws {
        // Bound and not listening, so that nobody else can listen there meanwhile.
        let nobody = try Socket(.ipv4, .stream)
        try nobody.bind(to: .ipv4(.loopback, port: 0))
        let port = try nobody.localAddress.port ?? 0
        let outcome = try Program(name, "127.0.0.1", "\(port)").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors == "Error: connect 127.0.0.1:\(port): Connection refused (ECONNREFUSED)\n")
    }

    @Test(arguments: clients)
    func silentServerIsGivenUpWhenTheTimeIsOver(name: String) throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let port = try server.localAddress.port ?? 0
        let outcome = try Program(name, "127.0.0.1", "\(port)", "--timeout", "0.2").outcome()
        #expect(outcome.status == 1)
        #expect(outcome.errors == "Error: receive 127.0.0.1:\(port): Connection timed out (ETIMEDOUT)\n")
    }

    @Test func answerLargerThanAnyBufferArrivesWhole() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let port = try server.localAddress.port ?? 0
        let client = try Program("reverse-client", "127.0.0.1", "\(port)", "x")
        let connection = try server.accept()
        #expect(try connection.receiveAll() == Array("x".utf8))
        let text = String(repeating: "z", count: 60_000)
        try connection.sendAll(text)
        try connection.shutdown(.sending)
        #expect(client.outcome().output == text)
    }
}
