// SPDX-License-Identifier: Apache-2.0

import Sockets
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct DataServerTests {
    @Test(arguments: ["hello \n", "", "0", "no line feed", "one\ntwo\nthree\n", "你好，世界"])
    func halfClosedRequestIsAnsweredAtOnce(request: String) throws {
        let server = try Program("data-server", "127.0.0.1", "0", "--pause", "3600000")
        #expect(try Socket.answer(from: server.address(), to: request) == "数据是 " + request)
    }

    @Test func requestThatEndsInALineFeedIsAnsweredWithoutHalfClose() throws {
        let server = try Program("data-server", "127.0.0.1", "0", "--pause", "20")
        let client = try Socket.connect(to: server.address())
        try client.sendAll("hello \n")
        #expect(try client.receiveText() == "数据是 hello \n")
    }

    /// A client that reads once has all of it: it does not get the beginning by itself.
    @Test func replyIsOneSegment() throws {
        let server = try Program("data-server", "127.0.0.1", "0", "--pause", "3600000")
        let address = try server.address()
        for _ in 0..<20 {
            let client = try Socket.connect(to: address)
            try client.sendAll("hello \n")
            try client.shutdown(.sending)
            #expect(try client.receive(upTo: 1024) == Array("数据是 hello \n".utf8))
        }
    }

    @Test func severalLinesAreOneRequest() throws {
        let server = try Program("data-server", "127.0.0.1", "0", "--pause", "300")
        let client = try Socket.connect(to: server.address())
        try client.set(.noDelay, to: true)
        for line in ["one\n", "two\n", "three\n"] {
            try client.sendAll(line)
        }
        #expect(try client.receiveText() == "数据是 one\ntwo\nthree\n")
    }

    @Test func requestOfTheWholeLimitIsAnswered() throws {
        let server = try Program("data-server", "127.0.0.1", "0")
        let client = try Socket.connect(to: server.address())
        let request = [UInt8](repeating: UInt8(ascii: "a"), count: 8 << 20)
        try client.sendAll(request)
        try client.shutdown(.sending)
        let answer = try client.receiveAll()
        #expect(answer.count == "数据是 ".utf8.count + request.count)
        #expect(answer.elementsEqual(Array("数据是 ".utf8) + request))
    }

    @Test func longerRequestGetsAnErrorLineThoughItsRestIsUnread() throws {
        let server = try Program("data-server", "127.0.0.1", "0")
        let client = try Socket.connect(to: server.address())
        try client.sendAll([UInt8](repeating: 0, count: 64 << 20))
        #expect(try client.receiveText() == "错误: 请求超过 8388608 字节 (the request is too long)\n")
    }

    @Test func silentClientsKeepNobodyWaitingAndAreClosed() throws {
        let server = try Program("data-server", "127.0.0.1", "0", "--timeout", "0.3")
        let address = try server.address()
        let silent = try Socket.connect(to: address)
        let halfALine = try Socket.connect(to: address)
        try halfALine.sendAll("x")
        #expect(try Socket.answer(from: address, to: "a") == "数据是 a")
        #expect(try silent.receiveAll().isEmpty)
        #expect(try halfALine.receiveAll().isEmpty)
        #expect(server.end().errors.contains("ETIMEDOUT"))
    }

    @Test func clientThatNeverReadsKeepsNobodyWaiting() throws {
        let server = try Program("data-server", "127.0.0.1", "0")
        let address = try server.address()
        let deaf = try Socket.connect(to: address)
        try deaf.sendAll([UInt8](repeating: 0, count: 8 << 20))
        try deaf.shutdown(.sending)
        _ = try deaf.wait(for: .readable, timeout: nil)
        #expect(try Socket.answer(from: address, to: "a") == "数据是 a")
    }

    @Test func clientsThatResetOrCloseAtOnceHarmNobody() throws {
        let server = try Program("data-server", "127.0.0.1", "0")
        let address = try server.address()
        for linger in [Linger.background, .reset] {
            for _ in 0..<50 {
                let client = try Socket.connect(to: address)
                try client.set(.linger, to: linger)
                try client.close()
            }
        }
        #expect(try Socket.answer(from: address, to: "a") == "数据是 a")
    }

    @Test func limitOnLiveConnectionsMakesOthersWait() throws {
        let server = try Program("data-server", "127.0.0.1", "0", "--live", "1")
        let address = try server.address()
        let first = try Socket.connect(to: address)
        try first.sendAll("x")
        let second = try Socket.connect(to: address)
        try second.sendAll("y")
        try second.shutdown(.sending)
        #expect(try second.wait(for: .readable, timeout: .milliseconds(100)).isEmpty)
        try first.shutdown(.sending)
        #expect(try first.receiveText() == "数据是 x")
        try first.close()
        #expect(try second.receiveText() == "数据是 y")
    }
}
