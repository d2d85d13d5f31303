// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite struct SocketAddressTests {
    static func printed() throws -> [(String, SocketAddress)] {
        [
            ("127.0.0.1:80", .ipv4(.loopback, port: 80)), ("0.0.0.0:0", .ipv4(.any, port: 0)),
            ("255.255.255.255:65535", .ipv4(.broadcast, port: 65535)), ("[::1]:80", .ipv6(.loopback, port: 80)),
            ("[fe80::1%7]:80", .ipv6(IPv6Address(0xFE80, 0, 0, 0, 0, 0, 0, 1), port: 80, scope: 7)),
            ("unix:/run/x.sock", try SocketAddress(unixPath: "/run/x.sock")),
            ("unix:relative", try SocketAddress(unixPath: "relative")),
            ("unix:@name", .unix(try UnixAddress(abstractName: "name"))),
            ("unix:@", .unix(try UnixAddress(abstractName: ""))),
            ("unix:", .unix(.unnamed)), ("unix:\\x40name", try SocketAddress(unixPath: "@name")),
            ("unix:/a\\\\b", try SocketAddress(unixPath: "/a\\b")), ("unix:/你好", try SocketAddress(unixPath: "/你好")),
            ("unix:/a\\x0ab", try SocketAddress(unixPath: "/a\nb")),
            ("unix:/\\xff\\xe4", .unix(try UnixAddress(path: [0x2F, 0xFF, 0xE4]))),
            ("unix:@a\\x00b", .unix(try UnixAddress(abstractName: [0x61, 0, 0x62]))),
        ]
    }

    @Test func textIsPrintedAndReadBack() throws {
        for (text, address) in try Self.printed() {
            #expect(address.description == text)
            #expect(try SocketAddress(parsing: text) == address)
        }
    }

    @Test func anyBytesOfAUnixAddressAreReadBack() throws {
        var random = SeededGenerator(seed: 107)
        for _ in 0..<2000 {
            let count = Int.random(in: 1...UnixAddress.maximumLength, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 1...255, using: &random) }
            for address in [try UnixAddress(path: bytes), try UnixAddress(abstractName: bytes)] {
                let text = SocketAddress.unix(address).description
                #expect(!text.contains { $0.isNewline })
                #expect(try SocketAddress(parsing: text) == .unix(address))
            }
        }
    }

    @Test(arguments: [
        ("", SocketError.InvalidArgument.malformedAddress), ("127.0.0.1", .malformedAddress),
        ("127.0.0.1:", .malformedAddress), ("127.0.0.1:x", .malformedAddress), ("127.0.0.1:-1", .malformedAddress),
        ("127.0.0.1:+1", .malformedAddress), ("127.0.0.1: 1", .malformedAddress), (":80", .emptyHost),
        ("127.0.0.1:65536", .portOutOfRange), ("127.0.0.1:99999999999999999999", .portOutOfRange),
        ("[::1]:65536", .portOutOfRange), ("::1:80", .malformedAddress), ("[::1]", .malformedAddress),
        ("[::1:80", .malformedAddress), ("[]:80", .malformedAddress), ("[127.0.0.1]:80", .malformedAddress),
        ("localhost:80", .malformedAddress), ("unix:\\", .malformedAddress), ("unix:\\x4", .malformedAddress),
        ("unix:\\xzz", .malformedAddress), ("unix:\\n", .malformedAddress), ("unix:a\\x00b", .zeroByte),
    ])
    func malformedTextIsRefusedWithItsReason(text: String, reason: SocketError.InvalidArgument) {
        let error = #expect(throws: SocketError.self) { _ = try SocketAddress(parsing: text) }
        #expect(error?.operation == .parseAddress)
        #expect(error?.reason == .invalid(reason))
    }

    @Test func scopesAreIndicesOrNames() throws {
        let loopback = try NetworkInterface(name: "lo").index
        let address = SocketAddress.ipv6(IPv6Address(0xFE80, 0, 0, 0, 0, 0, 0, 1), port: 80, scope: loopback)
        #expect(try SocketAddress(parsing: "[fe80::1%lo]:80") == address)
        let error = #expect(throws: SocketError.self) {
            _ = try SocketAddress(parsing: "[fe80::1%nosuchinterface]:80")
        }
        #expect(error?.operation == .interface)
    }

    @Test func partsMakeAnAddress() throws {
        #expect(try SocketAddress("127.0.0.1", port: 80) == .ipv4(.loopback, port: 80))
        #expect(try SocketAddress("::1", port: 80) == .ipv6(.loopback, port: 80))
        for (host, port, reason) in [
            ("127.0.0.1", 65536, SocketError.InvalidArgument.portOutOfRange), ("127.0.0.1", -1, .portOutOfRange),
            ("", 80, .emptyHost), ("localhost", 80, .malformedAddress),
        ] {
            let error = #expect(throws: SocketError.self) { _ = try SocketAddress(host, port: port) }
            #expect(error?.reason == .invalid(reason))
        }
        #expect(SocketAddress.ipv4(.loopback, port: 80).ip == .v4(.loopback))
        #expect(SocketAddress.ipv6(.loopback, port: 80).port == 80)
        #expect(SocketAddress.unix(.unnamed).ip == nil)
        #expect(SocketAddress.unix(.unnamed).port == nil)
        #expect(SocketAddress.unix(.unnamed).family == .unix)
    }

    @Test func unixPathsAreNeverCut() throws {
        let longest = String(repeating: "a", count: 107)
        #expect(try UnixAddress(path: longest).path == longest)
        #expect(try UnixAddress(path: longest + "a").path == longest + "a")
        #expect(try UnixAddress(abstractName: longest).abstractName == Array(longest.utf8))
        for (path, reason) in [
            (longest + "ab", SocketError.InvalidArgument.pathTooLong(byteCount: 109)), ("", .emptyPath),
            ("a\0b", .zeroByte),
        ] {
            let error = #expect(throws: SocketError.self) { _ = try UnixAddress(path: path) }
            #expect(error?.reason == .invalid(reason))
        }
        let error = #expect(throws: SocketError.self) { _ = try UnixAddress(abstractName: longest + "a") }
        #expect(error?.description == "address \"@\(longest)a\": the abstract name is 108 bytes long, more than 107")
    }

    @Test func kernelGivesBackWhatItWasGiven() throws {
        let folder = TemporaryFolder()
        let name = "sockets-test-\(folder.path.suffix(6))"
        // 108 bytes fill sun_path, so that no zero byte ends them.
        let paths = [106, 107, 108].map {
            folder.path + "/" + String(repeating: "a", count: $0 - 1 - folder.path.utf8.count)
        }
        let bytes = Array(name.utf8)
        let addresses =
            try paths.map { try SocketAddress(unixPath: $0) } + [
                try SocketAddress(unixPath: folder.file("s")), .unix(try UnixAddress(abstractName: bytes)),
                .unix(try UnixAddress(abstractName: bytes + [0, 0xFF])),
                .unix(try UnixAddress(abstractName: [0] + bytes + [0])),
                .unix(try UnixAddress(abstractName: bytes + [UInt8](repeating: 0x61, count: 107 - bytes.count))),
            ]
        for address in addresses {
            let socket = try Socket(.unix, .datagram)
            #expect(try socket.localAddress == .unix(.unnamed))
            try socket.bind(to: address)
            let seen = try socket.localAddress
            #expect(seen == address)
            #expect(try SocketAddress(parsing: "\(seen)") == address)
            // What was received can be sent to.
            let other = try Socket(.unix, .datagram)
            try other.bind(to: .unix(.unnamed))
            try socket.send([1], to: other.localAddress)
            var received = [UInt8]()
            var sender: SocketAddress?
            try received.append(addingCapacity: 1) { (buffer: inout OutputSpan<UInt8>) in
                sender = try other.receiveFrom(into: &buffer).sender
            }
            #expect(sender == address)
            try other.send([2], to: #require(sender))
            #expect(try socket.receive(upTo: 1) == [2])
            try other.connect(to: #require(sender))
            #expect(try other.peerAddress == address)
        }
        for ip in [IPAddress.v4(.loopback), .v6(.loopback)] {
            let socket = try Socket(ip.family, .datagram)
            try socket.bind(to: SocketAddress(ip, port: 0))
            let address = try socket.localAddress
            #expect(address.ip == ip)
            #expect(address.port != 0)
        }
    }

    @Test func unknownFamiliesAreCarriedAsTheyAre() throws {
        // AF_NETLINK and NETLINK_ROUTE, which every Linux has.
        let family = AddressFamily(rawValue: 16)
        let socket = try Socket(family, .datagram)
        let fresh = try socket.localAddress
        guard case .other(let address) = fresh else {
            Issue.record("unexpected address \(fresh)")
            return
        }
        #expect(address.family == family)
        #expect(address.bytes.count == 10)
        try socket.bind(to: fresh)
        let bound = try socket.localAddress
        #expect(bound != fresh)
        let again = try Socket(family, .datagram)
        let error = #expect(throws: SocketError.self) { try again.bind(to: bound) }
        #expect(error?.errno == .addressInUse)
        #expect(throws: SocketError.self) {
            _ = try OpaqueAddress(family: family, bytes: [UInt8](repeating: 0, count: 127))
        }
    }
}
