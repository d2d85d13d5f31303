// SPDX-License-Identifier: Apache-2.0

import PHPSockets
import Sockets
import SystemPackage
import TestSupport
import Testing

/// What Tests/Conformance cannot show, as PHP has it otherwise or not at all.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct FacadeTests {
    @Test func selectHasNoLimitAt1024() throws {
        var sockets: [PHPSocket]? = []
        for _ in 0..<600 {
            var pair: [PHPSocket] = []
            try #require(try socket_create_pair(AF_UNIX, SOCK_STREAM, 0, &pair))
            sockets? += pair
        }
        _ = try socket_write(try #require(sockets?.last), "x")
        let last = try #require(sockets?[1198])
        var none: [PHPSocket]? = nil
        var nothing: [PHPSocket]? = nil
        #expect(try socket_select(&sockets, &none, &nothing, 0) == 1)
        #expect(sockets == [last])
        #expect(none == nil)
    }

    @Test func selectTakesArraysAndDictionaries() throws {
        var pair: [PHPSocket] = []
        try #require(try socket_create_pair(AF_UNIX, SOCK_STREAM, 0, &pair))
        _ = try socket_write(pair[0], "x")
        var read = ["one": pair[0], "other": pair[1]]
        var write = [pair[0]]
        var except: [PHPSocket]? = nil
        #expect(try socket_select(&read, &write, &except, 5) == 2)
        #expect(read == ["other": pair[1]])
        #expect(write == [pair[0]])
    }

    @Test func anythingCanTravelBesideAMessage() throws {
        var pair: [PHPSocket] = []
        try #require(try socket_create_pair(AF_UNIX, SOCK_STREAM, 0, &pair))
        let file = try Socket.pair()
        let stream = PHPStream(
            adopting: OwnedDescriptor(adopting: try FileDescriptor.open(FilePath("/dev/null"), .readOnly)))
        let socket = try PHPSocket(adopting: file.first)
        let rights = PHPControl.rights([.socket(socket), .stream(stream)])
        #expect(try socket_sendmsg(pair[0], PHPMessage(iov: ["x"], control: [rights])) == 1)
        var message: PHPMessage? = PHPMessage(controllen: try socket_cmsg_space(SOL_SOCKET, SCM_RIGHTS, 2))
        #expect(try socket_recvmsg(pair[1], &message) == 1)
        guard case .rights(let received)? = message?.control.first, received.count == 2,
            case .socket(let same) = received[0], case .stream = received[1]
        else {
            Issue.record("\(String(describing: message))")
            return
        }
        #expect(try socket_write(same, "through it") == 10)
        #expect(try file.second.receive(upTo: 100) == Array("through it".utf8))
    }

    @Test func warningsAreLinesAsPHPWritesThem() throws {
        let warnings = try Warnings.during {
            let socket = try #require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
            try #require(try socket_read(socket, 1) == nil)
        }
        #expect(
            warnings.map(\.description) == [
                "Warning: socket_read(): unable to read from socket [107]: Transport endpoint is not connected"
            ])
    }

    @Test func eachThreadHasALastErrorOfItsOwn() throws {
        _ = try Warnings.during { try #require(try socket_create(AF_INET, SOCK_DGRAM, SOL_TCP) == nil) }
        try withServer({ listening in
            try #require(try socket_last_error() == 0)
            listening(1)
        }) { _ in try #require(try socket_last_error() == SOCKET_EPROTONOSUPPORT) }
        try socket_clear_error()
    }

    @Test func textAndBytesAreSentAlike() throws {
        var pair: [PHPSocket] = []
        try #require(try socket_create_pair(AF_UNIX, SOCK_STREAM, 0, &pair))
        let text = "数据"
        #expect(try socket_write(pair[0], text) == 6)
        #expect(try socket_write(pair[0], text.dropFirst()) == 3)
        #expect(try socket_write(pair[0], [0x21] as [UInt8]) == 1)
        #expect(try socket_write(pair[0], PHPString("?")) == 1)
        let got = try #require(try socket_read(pair[1], 100))
        #expect("\(got)" == "数据据!?")
        #expect(got == "数据据!?")
        #expect(got.count == 11)
        #expect(got[9] == 0x21)
    }

    @Test func optionsAreTyped() throws {
        let socket = try #require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
        try socket_set_option(socket, SOL_SOCKET, SO_KEEPALIVE, true)
        #expect(try socket_get_option(socket, SOL_SOCKET, SO_KEEPALIVE) == 1)
        try socket_set_option(socket, SOL_SOCKET, SO_LINGER, .linger(l_onoff: 1, l_linger: 3))
        #expect(try socket_get_option(socket, SOL_SOCKET, SO_LINGER) == .linger(l_onoff: 1, l_linger: 3))
        try socket_set_option(socket, SOL_TCP, TCP_CONGESTION, "reno")
        #expect(try socket_get_option(socket, SOL_TCP, TCP_CONGESTION) == .text("reno"))
    }

    @Test(arguments: ["alone", "glibc", "foundation"])
    func namesStandBesideThoseOfOtherModules(program: String) throws {
        #expect(try Program("php-names-\(program)").outcome().output == "127.0.0.1 2 1\n")
    }
}
