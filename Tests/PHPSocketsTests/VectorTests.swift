// SPDX-License-Identifier: Apache-2.0

import PHPSockets
import TestSupport
import Testing

/// PHP 4's iovec functions, by their documented intent.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct VectorTests {
    private func pair() throws -> (PHPSocket, PHPSocket) {
        var pair: [PHPSocket] = []
        try #require(try socket_create_pair(AF_UNIX, SOCK_STREAM, 0, &pair))
        return (pair[0], pair[1])
    }

    @Test func buffersAreFilledInOrder() throws {
        let (one, other) = try pair()
        let iovec = try socket_iovec_alloc(3, 4, 4, 4)
        #expect(try socket_write(other, "0123456789") == 10)
        #expect(try socket_readv(one, iovec) == 10)
        #expect(try (0..<3).map { try socket_iovec_fetch(iovec, $0) } == ["0123", "4567", "89"])
        #expect(try socket_shutdown(other, 1))
        #expect(try socket_readv(one, iovec) == 0)
        #expect(try socket_iovec_fetch(iovec, 0) == "")
        // The room is still what was asked for.
        #expect(try socket_write(one, "back") == 4)
    }

    @Test func buffersCanBeReadIntoAgain() throws {
        let (one, other) = try pair()
        let iovec = try socket_iovec_alloc(2, 2, 2)
        for text in ["a", "abcd", "abc"] {
            _ = try socket_write(other, text)
            #expect(try socket_readv(one, iovec) == text.count)
            let got = try socket_iovec_fetch(iovec, 0) + socket_iovec_fetch(iovec, 1)
            #expect(got == PHPString(text))
        }
    }

    @Test func dataIsGatheredInOrderWithItsZeros() throws {
        let (one, other) = try pair()
        let iovec = try socket_iovec_alloc(1, 3)
        #expect(try socket_iovec_fetch(iovec, 0) == "\0\0\0")
        #expect(try socket_iovec_set(iovec, 0, "a\0b"))
        #expect(try socket_iovec_add(iovec, 2))
        #expect(try socket_iovec_set(iovec, 1, [0xFF, 0x00] as [UInt8]))
        #expect(try socket_iovec_add(iovec, 1))
        #expect(try socket_iovec_set(iovec, 2, "end"))
        #expect(try socket_writev(one, iovec) == 8)
        #expect(try socket_read(other, 100)?.bytes == Array("a\0b".utf8) + [0xFF, 0x00] + Array("end".utf8))
        #expect(try socket_iovec_delete(iovec, 1))
        #expect(try socket_writev(one, iovec) == 6)
        #expect(try socket_read(other, 100) == "a\0bend")
    }

    @Test func positionsOutsideAreWarnedOf() throws {
        let iovec = try socket_iovec_alloc(1, 1)
        let warnings = try Warnings.during {
            for position in [-1, 1] {
                try #require(try !socket_iovec_set(iovec, position, "x"))
                try #require(try socket_iovec_fetch(iovec, position) == "")
                try #require(try !socket_iovec_delete(iovec, position))
            }
        }
        #expect(warnings.count == 6)
        #expect(try socket_iovec_delete(iovec, 0))
        let warning = try Warnings.during { _ = try socket_iovec_fetch(iovec, 0) }
        #expect(warning.count == 1)
    }

    @Test func lengthsAreChecked() throws {
        #expect(throws: PHPError.self) { _ = try socket_iovec_alloc(2, 1) }
        #expect(throws: PHPError.self) { _ = try socket_iovec_alloc(-1) }
        #expect(throws: PHPError.self) { _ = try socket_iovec_alloc(1, 0) }
        #expect(throws: PHPError.self) { _ = try socket_iovec_alloc(1, 1_048_577) }
        let iovec = try socket_iovec_alloc(0)
        for length in [0, -1, 1_048_577] {
            #expect(throws: PHPError.self) { try socket_iovec_add(iovec, length) }
        }
        for _ in 0..<1024 { try socket_iovec_add(iovec, 1) }
        #expect(throws: PHPError.self) { try socket_iovec_add(iovec, 1) }
    }

    @Test func freedListIsRefusedEverywhere() throws {
        let (one, _) = try pair()
        let iovec = try socket_iovec_alloc(1, 1)
        #expect(try socket_iovec_free(iovec))
        let uses: [() throws -> Void] = [
            { try socket_iovec_free(iovec) }, { try socket_iovec_add(iovec, 1) },
            { try socket_iovec_set(iovec, 0, "") },
            { _ = try socket_iovec_fetch(iovec, 0) }, { try socket_iovec_delete(iovec, 0) },
            { _ = try socket_readv(one, iovec) }, { _ = try socket_writev(one, iovec) },
        ]
        for use in uses {
            let error = #expect(throws: PHPError.self, performing: use)
            #expect(error?.message.hasSuffix("($iovec) has already been freed") == true)
        }
    }

    @Test func errorsAreThoseOfReadAndWrite() throws {
        let (one, other) = try pair()
        let iovec = try socket_iovec_alloc(1, 100)
        #expect(try socket_set_nonblock(one))
        let silence = try Warnings.during { try #require(try socket_readv(one, iovec) == nil) }
        #expect(silence.isEmpty)
        #expect(try socket_last_error(one) == SOCKET_EAGAIN)
        try socket_close(other)
        let warnings = try Warnings.during { try #require(try socket_writev(one, iovec) == nil) }
        #expect(warnings.count == 1)
        #expect(try socket_last_error(one) == SOCKET_EPIPE)
    }

    @Test func shortWriteGoesOnWhereItEnded() throws {
        let (one, other) = try pair()
        let iovec = try socket_iovec_alloc(0)
        var expected: [UInt8] = []
        for number in 0..<20 {
            let piece = [UInt8](repeating: UInt8(number), count: 100_000)
            try socket_iovec_add(iovec, 1)
            try socket_iovec_set(iovec, number, piece)
            expected += piece
        }
        #expect(try socket_set_nonblock(one))
        #expect(try socket_set_nonblock(other))
        var received: [UInt8] = []
        var left = expected.count
        while received.count < expected.count {
            if left > 0, let count = try socket_writev(one, iovec) {
                #expect(count > 0)
                left -= count
                iovec.advance(by: count)
            }
            while let piece = try socket_read(other, 1 << 20) { received += piece.bytes }
        }
        #expect(received == expected)
    }

    @Test func messagesOfTheOldFormTellTheirSender() throws {
        let server = try #require(try socket_create(AF_INET, SOCK_DGRAM, SOL_UDP))
        let client = try #require(try socket_create(AF_INET, SOCK_DGRAM, SOL_UDP))
        #expect(try socket_bind(server, "127.0.0.1"))
        #expect(try socket_bind(client, "127.0.0.1"))
        var (address, port, ownPort) = ("", 0, 0)
        #expect(try socket_getsockname(server, &address, &port))
        #expect(try socket_getsockname(client, &address, &ownPort))
        let out = try socket_iovec_alloc(2, 1, 1)
        try socket_iovec_set(out, 0, "ab")
        try socket_iovec_set(out, 1, "cd")
        #expect(try socket_sendmsg(client, out, 0, "127.0.0.1", port) == 4)
        #expect(throws: PHPError.self) { _ = try socket_sendmsg(client, out, 0, "127.0.0.1") }
        let into = try socket_iovec_alloc(2, 1, 2)
        var control: [PHPControl] = []
        var (length, flags, sender, senderPort) = (64, 0, "", 0)
        #expect(try socket_recvmsg(server, into, &control, &length, &flags, &sender, &senderPort) == 3)
        #expect(try socket_iovec_fetch(into, 0) == "a")
        #expect(try socket_iovec_fetch(into, 1) == "bc")
        #expect((sender, senderPort) == ("127.0.0.1", ownPort))
        #expect(flags & MSG_TRUNC != 0)
        #expect(length == 0)
        #expect(control.isEmpty)
        length = -1
        #expect(try socket_recvmsg(server, into, &control, &length, &flags, &sender, &senderPort) == nil)
    }

    @Test func beginningOfALineIsNotLostToOtherCalls() throws {
        let (one, other) = try pair()
        #expect(try socket_set_nonblock(one))
        let iovec = try socket_iovec_alloc(2, 1, 2)
        _ = try socket_write(other, "line")
        #expect(try socket_read(one, 100, PHP_NORMAL_READ) == nil)
        #expect(try socket_readv(one, iovec) == 3)
        #expect(try socket_iovec_fetch(iovec, 0) == "l")
        #expect(try socket_iovec_fetch(iovec, 1) == "in")
        _ = try socket_write(other, "s\n")
        #expect(try socket_read(one, 100, PHP_NORMAL_READ) == "es\n")
    }
}
