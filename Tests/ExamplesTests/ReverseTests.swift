// SPDX-License-Identifier: Apache-2.0

import Sockets
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct ReverseTests {
    static let family = "👨‍👩‍👧‍👦"
    static let texts: [(request: String, answer: String)] = [
        ("hello", "olleh\n"),
        ("你好é", "é好你\n"),
        ("0", "0\n"),
        ("", "\n"),
        ("  ", "\n"),
        (" \t\n\r\0\u{0B}a b\u{0B}\0\r\n\t ", "b a\n"),
        ("\u{0C}a", "a\u{0C}\n"),
        ("a\(family)b🇨🇳e\u{301}", "e\u{301}🇨🇳b\(family)a\n"),
        (String(repeating: "字", count: 400), String(repeating: "字", count: 341) + "\n"),
        (String(repeating: "a", count: 2000), String(repeating: "a", count: 1024) + "\n"),
        (String(repeating: "a", count: 1020) + family + "zzz", String(repeating: "a", count: 1020) + "\n"),
        (String(repeating: "a", count: 1024), String(repeating: "a", count: 1024) + "\n"),
        (String(repeating: "a", count: 1023) + "e\u{301}", String(repeating: "a", count: 1023) + "\n"),
    ]

    @Test(arguments: texts)
    func textIsReversedByCharacter(text: (request: String, answer: String)) throws {
        let server = try Program("reverse-server", "127.0.0.1", "0", "--pause", "50")
        // Compared as bytes: equal characters can be different code points.
        let answer = try Socket.answer(from: server.address(), to: text.request)
        #expect(Array(answer.utf8) == Array(text.answer.utf8))
    }

    @Test func whatIsNotUTF8IsReversedByByte() throws {
        let server = try Program("reverse-server", "127.0.0.1", "0")
        let client = try Socket.connect(to: server.address())
        try client.sendAll([0x61, 0xFF, 0x62, 0xE4, 0xBD])
        try client.shutdown(.sending)
        #expect(try client.receiveAll() == [0xBD, 0xE4, 0x62, 0xFF, 0x61, 0x0A])
    }

    @Test func longerInputIsAnsweredAndTheAnswerArrives() throws {
        let server = try Program("reverse-server", "127.0.0.1", "0")
        let client = try Socket.connect(to: server.address())
        try client.sendAll([UInt8](repeating: UInt8(ascii: "x"), count: 4 << 20))
        let answer = try client.receiveText()
        #expect(answer == String(repeating: "x", count: 1024) + "\n")
    }

    @Test func onceEndsAfterOneClient() throws {
        let server = try Program("reverse-server", "127.0.0.1", "0", "--once")
        let port = try server.address().port ?? 0
        let client = try Program("reverse-client", "127.0.0.1", "\(port)", "你好").outcome()
        #expect(client.status == 0)
        #expect(client.output == "好你\n")
        #expect(server.outcome().status == 0)
    }
}
