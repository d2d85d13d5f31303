// SPDX-License-Identifier: Apache-2.0

import PHPSockets
import TestSupport
import Testing

/// Every function that reports the address of a Unix socket reports one that the others take.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct UnixAddressTests {
    /// Names that only this process has.
    private static func names(in folder: borrowing TemporaryFolder) -> [PHPString] {
        let unique = Array("\(folder.path)/".utf8)
        let abstract = [0] + unique
        func filled(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
            bytes + [UInt8](repeating: 0x61, count: count - bytes.count)
        }
        return [
            PHPString(unique + [0x73]), PHPString(filled(unique, 107)), PHPString(filled(unique, 108)),
            PHPString(abstract), PHPString(abstract + [0x73]), PHPString(abstract + [0, 0x73, 0]),
            PHPString(abstract + [0xFF, 0xFE]), PHPString(filled(abstract, 107)), PHPString(filled(abstract, 108)),
            PHPString([0, 0] + unique),
        ]
    }

    @Test func datagramsAreAnsweredWhereTheyCameFrom() throws {
        let folder = TemporaryFolder()
        for name in Self.names(in: folder) {
            let named = try #require(try socket_create(AF_UNIX, SOCK_DGRAM, 0))
            let other = try #require(try socket_create(AF_UNIX, SOCK_DGRAM, 0))
            try #require(try socket_bind(named, name) && socket_bind(other, ""))
            var (own, others) = (PHPString(), PHPString())
            try #require(try socket_getsockname(named, &own) && socket_getsockname(other, &others))
            #expect(own == name)
            #expect(others.first == 0 && others.count == 6)

            // recvfrom
            #expect(try socket_sendto(named, "1", 1, 0, others) == 1)
            var (data, sender) = (PHPString?.none, PHPString())
            #expect(try socket_recvfrom(other, &data, 10, 0, &sender) == 1)
            #expect(sender == name)
            #expect(try socket_sendto(other, "2", 1, 0, sender) == 1)
            #expect(try socket_read(named, 10) == "2")

            // recvmsg, with a message
            #expect(try socket_sendmsg(named, PHPMessage(name: .unix(path: others), iov: ["3"])) == 1)
            var message: PHPMessage? = PHPMessage(name: .any, controllen: 100)
            #expect(try socket_recvmsg(other, &message) == 1)
            #expect(message?.name == .unix(path: name))
            #expect(try socket_sendmsg(other, PHPMessage(name: message?.name, iov: ["4"])) == 1)
            #expect(try socket_read(named, 10) == "4")

            // recvmsg and sendmsg, with a list of buffers
            let one = try socket_iovec_alloc(1, 1)
            #expect(try socket_sendmsg(named, one, 0, others) == 1)
            var (control, room, flags, port) = ([PHPControl](), 100, 0, 0)
            #expect(try socket_recvmsg(other, one, &control, &room, &flags, &sender, &port) == 1)
            #expect(sender == name)

            // getpeername
            try #require(try socket_connect(other, name))
            var peer: [UInt8] = []
            #expect(try socket_getpeername(other, &peer))
            #expect(PHPString(peer) == name)
        }
    }

    @Test func listenersAreReachedWhereTheySayTheyAre() throws {
        let folder = TemporaryFolder()
        for name in Self.names(in: folder) {
            let listener = try #require(try socket_create(AF_UNIX, SOCK_STREAM, 0))
            try #require(try socket_bind(listener, name) && socket_listen(listener))
            var own = PHPString()
            try #require(try socket_getsockname(listener, &own))
            let client = try #require(try socket_create(AF_UNIX, SOCK_STREAM, 0))
            #expect(try socket_connect(client, own))
        }
    }

    @Test func textIsEnoughForNamesThatAreText() throws {
        let folder = TemporaryFolder()
        let name = "\0\(folder.path)"
        let listener = try #require(try socket_create(AF_UNIX, SOCK_STREAM, 0))
        try #require(try socket_bind(listener, name) && socket_listen(listener))
        var (own, port) = ("", 7)
        #expect(try socket_getsockname(listener, &own, &port))
        #expect(own == name)
        #expect(port == 7)
        let unbound = try #require(try socket_create(AF_UNIX, SOCK_STREAM, 0))
        #expect(try socket_getsockname(unbound, &own))
        #expect(own == "")
    }

    @Test func socketIsNotConnectedToItself() throws {
        let socket = try #require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
        try #require(try socket_bind(socket, "127.0.0.1"))
        var (address, port) = ("", 0)
        try #require(try socket_getsockname(socket, &address, &port))
        _ = try Warnings.during { try #require(try socket_connect(socket, address, port) == false) }
        #expect(try socket_last_error(socket) == SOCKET_ECONNREFUSED)
    }
}
