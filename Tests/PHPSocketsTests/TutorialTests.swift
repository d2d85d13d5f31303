// SPDX-License-Identifier: Apache-2.0

import PHPSockets
import TestSupport
import Testing

/// The tutorial's three servers and clients once more, line by line as in PHP, with its mistakes put right: every
/// result is compared, requests have an end, replies are written whole.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct TutorialTests {
    // MARK: What the three servers begin with

    private static func listen() throws -> PHPSocket {
        guard let sock = try socket_create(AF_INET, SOCK_STREAM, SOL_TCP) else {
            throw Stopped("socket_create: \(try socket_strerror(socket_last_error()))")
        }
        try socket_set_option(sock, SOL_SOCKET, SO_REUSEADDR, 1)
        if try socket_bind(sock, "127.0.0.1", 0) == false {
            throw Stopped("socket_bind: \(try socket_strerror(socket_last_error(sock)))")
        }
        if try socket_listen(sock) == false {
            throw Stopped("socket_listen: \(try socket_strerror(socket_last_error(sock)))")
        }
        return sock
    }

    private struct Stopped: Error {
        let reason: String

        init(_ reason: String) {
            self.reason = reason
        }
    }

    private static func port(of sock: PHPSocket) throws -> Int {
        var address = ""
        var port = 0
        _ = try socket_getsockname(sock, &address, &port)
        return port
    }

    private static func accept(_ sock: PHPSocket) throws -> PHPSocket {
        guard let msgsock = try socket_accept(sock) else {
            throw Stopped("socket_accept: \(try socket_strerror(socket_last_error()))")
        }
        // Nobody keeps the server for ever.
        try socket_set_option(msgsock, SOL_SOCKET, SO_RCVTIMEO, .timeout(sec: 20, usec: 0))
        try socket_set_option(msgsock, SOL_SOCKET, SO_SNDTIMEO, .timeout(sec: 20, usec: 0))
        return msgsock
    }

    private static func writeAll(_ socket: PHPSocket, _ text: PHPString) throws {
        var rest = text
        while !rest.isEmpty {
            guard let written = try socket_write(socket, rest) else {
                throw Stopped("socket_write: \(try socket_strerror(socket_last_error(socket)))")
            }
            rest = PHPString(rest.dropFirst(written))
        }
    }

    // MARK: The servers

    private static func dataServer(_ listening: (Int) -> Void, clients: Int) throws {
        let sock = try listen()
        listening(try port(of: sock))
        for _ in 0..<clients {
            let msgsock = try accept(sock)
            var data: PHPString = ""
            while let buf = try socket_read(msgsock, 1024), buf != "" { data += buf }
            try writeAll(msgsock, "数据是 " + data)
            try socket_close(msgsock)
        }
        try socket_close(sock)
    }

    private static func greetingServer(_ listening: (Int) -> Void) throws {
        let sock = try listen()
        listening(try port(of: sock))
        var count = 0
        repeat {
            let msgsock = try accept(sock)
            try writeAll(msgsock, "测试成功！\n")
            let buf = try socket_read(msgsock, 8192) ?? ""
            try writeAll(msgsock, "收到的信息:" + buf + "\n")
            try socket_close(msgsock)
            count += 1
        } while count < 5
        try socket_close(sock)
    }

    private static func reverseServer(_ listening: (Int) -> Void) throws {
        let sock = try listen()
        listening(try port(of: sock))
        let spawn = try accept(sock)
        guard let input = try socket_read(spawn, 1024, PHP_NORMAL_READ) else { throw Stopped("Could not read input") }
        let text = input.description.filter { $0 != "\n" }
        try writeAll(spawn, PHPString(String(text.reversed()) + "\n"))
        try socket_close(spawn)
        try socket_close(sock)
    }

    // MARK: The client

    private func ask(_ port: Int, _ request: String) throws -> PHPString {
        guard let socket = try socket_create(AF_INET, SOCK_STREAM, SOL_TCP) else { throw Stopped("socket_create") }
        if try socket_connect(socket, "127.0.0.1", port) == false {
            throw Stopped("socket_connect: \(try socket_strerror(socket_last_error(socket)))")
        }
        try Self.writeAll(socket, PHPString(request))
        _ = try socket_shutdown(socket, 1)
        var answer: PHPString = ""
        while let out = try socket_read(socket, 8192), out != "" { answer += out }
        try socket_close(socket)
        return answer
    }

    @Test func dataServerAnswersWithTheWholeRequest() throws {
        try withServer({ try Self.dataServer($0, clients: 3) }) { (port: Int) throws in
            #expect(try ask(port, "hello \n") == "数据是 hello \n")
            #expect(try ask(port, "0") == "数据是 0")
            let long = String(repeating: "数", count: 100_000)
            #expect(try ask(port, long) == PHPString("数据是 " + long))
        }
    }

    @Test func greetingServerServesFive() throws {
        try withServer({ try Self.greetingServer($0) }) { (port: Int) throws in
            for number in 1...5 {
                #expect(try ask(port, "Ho \(number)\r\n") == PHPString("测试成功！\n收到的信息:Ho \(number)\r\n\n"))
            }
        }
    }

    @Test func reverseServerReversesCharacters() throws {
        try withServer({ try Self.reverseServer($0) }) { (port: Int) throws in
            #expect(try ask(port, "你好é\n") == "é好你\n")
        }
    }
}
