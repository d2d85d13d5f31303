// SPDX-License-Identifier: Apache-2.0

import Sockets
import TestSupport
import Testing

/// A reply is sent at once: in two sends its beginning would leave as a segment of its own.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct SegmentTests {
    @Test(arguments: [("data-server", "数据是 hello\n"), ("reverse-server", "olleh\n"), ("greeting-server", "测试成功!\n")])
    func replyIsOneSegment(program: String, reply: String) throws {
        let server = try Program(program, "127.0.0.1", "0")
        let client = try Socket.connect(to: server.address())
        try client.sendAll("hello\n")
        try client.shutdown(.sending)
        #expect(try client.receiveText() == reply)
        #expect(try dataSegmentsReceived(by: client) == 1)
    }

    /// The field tcpi_data_segs_in of TCP_INFO, tcp(7).
    private func dataSegmentsReceived(by socket: borrowing Socket) throws -> Int {
        let info = try socket.get(SocketOption(bytes: 11, level: .tcp, capacity: 256))
        try #require(info.count >= 156)
        return info[152..<156].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
}
