// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import TestSupport
import Testing

@Suite struct IPv4AddressTests {
    @Test(arguments: [
        ("0.0.0.0", 0), ("127.0.0.1", 0x7F00_0001), ("255.255.255.255", 0xFFFF_FFFF), ("192.0.2.10", 0xC000_020A),
        ("1.2.3.4", 0x0102_0304),
    ])
    func textIsReadAndPrinted(text: String, value: UInt32) {
        #expect(IPv4Address(text)?.rawValue == value)
        #expect(IPv4Address(rawValue: value).description == text)
    }

    @Test(arguments: [
        "", ".", "...", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.1", "1.2.3.999", "1.2.3.1000",
        "01.2.3.4", "1.2.3.04", "00.0.0.0", "127.1", "0x7f.0.0.1", "2130706433", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n",
        "+1.2.3.4", "-1.2.3.4", "1,2,3,4", "١.٢.٣.٤", "localhost", "::1",
    ])
    func anythingElseIsRefused(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test func octetsAreInTheOrderInWhichTheyAreWritten() {
        let octets = IPv4Address(1, 2, 3, 4).octets
        #expect((0..<4).map { octets[$0] } == [1, 2, 3, 4])
        #expect(IPv4Address(1, 2, 3, 4) < IPv4Address(1, 2, 4, 0))
    }

    @Test func readsWhatTheCLibraryReads() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<5000 {
            var text = (0..<4).map { _ in "\(UInt32.random(in: 0...300, using: &random))" }.joined(separator: ".")
            if Bool.random(using: &random) {
                let index = text.indices.randomElement(using: &random) ?? text.startIndex
                text.replaceSubrange(
                    index...index, with: [".", "0", "", "x", "12"].randomElement(using: &random) ?? "")
            }
            var address = in_addr()
            // SAFETY: inet_pton writes the four bytes of an in_addr.
            let isAddress = unsafe inet_pton(AF_INET, text, &address) == 1
            #expect(IPv4Address(text)?.rawValue.bigEndian == (isAddress ? address.s_addr : nil), "\(text)")
        }
    }

    static let classes: [(String, @Sendable (IPv4Address) -> Bool, first: String, last: String)] = [
        ("loopback", { $0.isLoopback }, "127.0.0.0", "127.255.255.255"),
        ("private", { $0.isPrivate }, "10.0.0.0", "10.255.255.255"),
        ("private", { $0.isPrivate }, "172.16.0.0", "172.31.255.255"),
        ("private", { $0.isPrivate }, "192.168.0.0", "192.168.255.255"),
        ("link-local", { $0.isLinkLocal }, "169.254.0.0", "169.254.255.255"),
        ("multicast", { $0.isMulticast }, "224.0.0.0", "239.255.255.255"),
        ("documentation", { $0.isDocumentation }, "192.0.2.0", "192.0.2.255"),
        ("documentation", { $0.isDocumentation }, "198.51.100.0", "198.51.100.255"),
        ("documentation", { $0.isDocumentation }, "203.0.113.0", "203.0.113.255"),
        ("unspecified", { $0.isUnspecified }, "0.0.0.0", "0.0.0.0"),
        ("broadcast", { $0.isBroadcast }, "255.255.255.255", "255.255.255.255"),
    ]

    @Test(arguments: classes)
    func classEndsWhereItsNetworkEnds(
        name: String, isMember: @Sendable (IPv4Address) -> Bool, first: String, last: String
    ) throws {
        let first = try #require(IPv4Address(first))
        let last = try #require(IPv4Address(last))
        #expect(isMember(first))
        #expect(isMember(last))
        #expect(!isMember(IPv4Address(rawValue: first.rawValue &- 1)))
        #expect(!isMember(IPv4Address(rawValue: last.rawValue &+ 1)))
    }
}
