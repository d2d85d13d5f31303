// SPDX-License-Identifier: Apache-2.0

import Sockets
import Testing

@Suite struct SocketTests {
    @Test func exchangeOverIPv4() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Socket.connect(to: try server.localAddress)
        let accepted = try server.accept()
        #expect(accepted.peer == (try client.localAddress))
        try client.sendAll("hello")
        try client.shutdown(.sending)
        let bytes = try accepted.socket.receive(upTo: 100)
        #expect(String(decoding: bytes, as: UTF8.self) == "hello")
        #expect(try accepted.socket.receive(upTo: 100).isEmpty)
    }
}
