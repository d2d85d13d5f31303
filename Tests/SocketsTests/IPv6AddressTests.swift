// SPDX-License-Identifier: Apache-2.0

import CSockets
import Glibc
import Sockets
import TestSupport
import Testing

@Suite struct IPv6AddressTests {
    /// Texts, and how RFC 5952 prints them; the first ones are its own examples.
    @Test(arguments: [
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:0db8::1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"),
        (
            "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001",
            "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"
        ), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0000:0:1::1", "2001:db8::1:0:0:1"),
        ("::", "::"), ("0:0:0:0:0:0:0:0", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:1", "::1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("::ffff:192.0.2.128", "::ffff:192.0.2.128"), ("::ffff:c000:280", "::ffff:192.0.2.128"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("::13.1.68.3", "::d01:4403"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("fe80::ABCD", "fe80::abcd"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
    func textIsReadAndPrintedAsRFC5952Says(text: String, printed: String) {
        #expect(IPv6Address(text)?.description == printed)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
        "1::2::3", ":1::2", "1::2:", "12345::", "g::", "::1.2.3", "::1.2.3.4.5", "1.2.3.4::", "::1.2.3.4:5",
        "::01.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%lo", "[::1]", "::1/64", " ::1", "::1 ", "1.2.3.4", "::-1", "::+1", "：：１",
    ])
    func anythingElseIsRefused(text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test func groupsOctetsAndHalvesAgree() {
        let address = IPv6Address(0x0011, 0x2233, 0x4455, 0x6677, 0x8899, 0xAABB, 0xCCDD, 0xEEFF)
        #expect(address.high == 0x0011_2233_4455_6677)
        #expect(address.low == 0x8899_AABB_CCDD_EEFF)
        #expect((0..<8).map { address.groups[$0] } == [0x0011, 0x2233, 0x4455, 0x6677, 0x8899, 0xAABB, 0xCCDD, 0xEEFF])
        #expect((0..<16).map { address.octets[$0] } == (0..<16).map { UInt8($0 * 0x11) })
        #expect(IPv6Address.any < .loopback)
        #expect(IPv6Address(mapped: .loopback).ipv4Mapped == .loopback)
        #expect(IPv6Address.loopback.ipv4Mapped == nil)
    }

    /// What the C library makes of a text: the address, or nothing.
    private func cLibrary(_ text: String) -> IPv6Address? {
        var address = in6_addr()
        // SAFETY: inet_pton writes the sixteen bytes of an in6_addr, which are plain bytes.
        guard unsafe inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        let halves = unsafe unsafeBitCast(address, to: (UInt64, UInt64).self)
        return IPv6Address(high: halves.0.bigEndian, low: halves.1.bigEndian)
    }

    @Test func readsWhatTheCLibraryReads() {
        var random = SeededGenerator(seed: 6)
        let pieces = ["0", "1", "ab", "FFFF", "0000", "00000", "g", "::", ":", "1.2.3.4", "255", ".", ""]
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...10, using: &random) {
                text += pieces.randomElement(using: &random) ?? ""
                if Int.random(in: 0..<3, using: &random) > 0 { text += ":" }
            }
            #expect(IPv6Address(text) == cLibrary(text), "\(text)")
        }
    }

    @Test func printsWhatItReads() {
        var random = SeededGenerator(seed: 5952)
        for _ in 0..<5000 {
            // Many zeros, so that there are runs of them.
            func half() -> UInt64 {
                (0..<4).reduce(0) { value, _ in
                    value << 16 | (Bool.random(using: &random) ? 0 : UInt64.random(in: 0...0xFFFF, using: &random))
                }
            }
            let address = IPv6Address(high: half(), low: half())
            #expect(IPv6Address(address.description) == address)
            #expect(cLibrary(address.description) == address)
        }
    }

    static let classes: [(@Sendable (IPv6Address) -> Bool, first: String, last: String)] = [
        ({ $0.isUnspecified }, "::", "::"), ({ $0.isLoopback }, "::1", "::1"),
        ({ $0.isLinkLocal }, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ({ $0.isUniqueLocal }, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ({ $0.isMulticast }, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ({ $0.isPrivate }, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ({ $0.isDocumentation }, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ({ $0.isDocumentation }, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ]

    @Test(arguments: classes)
    func classEndsWhereItsNetworkEnds(
        isMember: @Sendable (IPv6Address) -> Bool, first: String, last: String
    ) throws {
        let first = try #require(IPv6Address(first))
        let last = try #require(IPv6Address(last))
        #expect(isMember(first))
        #expect(isMember(last))
        let before = IPv6Address(high: first.low == 0 ? first.high &- 1 : first.high, low: first.low &- 1)
        let after = IPv6Address(high: last.low == .max ? last.high &+ 1 : last.high, low: last.low &+ 1)
        #expect(!isMember(before))
        #expect(!isMember(after))
    }

    static let questions: [(String, IPv4Question, IPv6Question)] = [
        ("unspecified", { $0.isUnspecified }, { $0.isUnspecified }), ("loopback", { $0.isLoopback }, { $0.isLoopback }),
        ("private", { $0.isPrivate }, { $0.isPrivate }), ("link-local", { $0.isLinkLocal }, { $0.isLinkLocal }),
        ("multicast", { $0.isMulticast }, { $0.isMulticast }), ("broadcast", { $0.isBroadcast }, { $0.isBroadcast }),
        ("documentation", { $0.isDocumentation }, { $0.isDocumentation }),
    ]
    typealias IPv4Question = @Sendable (IPv4Address) -> Bool
    typealias IPv6Question = @Sendable (IPv6Address) -> Bool

    @Test(arguments: questions)
    func mappedAddressAnswersAsTheOneInIt(name: String, ask4: IPv4Question, ask6: IPv6Question) throws {
        var answers: Set<Bool> = []
        for text in [
            "0.0.0.0", "0.0.0.1", "10.0.0.0", "10.255.255.255", "11.0.0.0", "127.0.0.1", "127.255.255.255", "128.0.0.0",
            "169.254.0.0", "169.254.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0", "192.0.2.1", "192.168.0.0",
            "192.168.255.255", "198.51.100.7", "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
            "255.255.255.255", "8.8.8.8",
        ] {
            let address = try #require(IPv4Address(text))
            #expect(ask6(IPv6Address(mapped: address)) == ask4(address), "\(name) \(text)")
            answers.insert(ask4(address))
            // No other form is looked into.
            let (compatible, translated) = (IPv6Address("::\(text)"), IPv6Address("64:ff9b::\(text)"))
            if text != "0.0.0.0", text != "0.0.0.1" { #expect(compatible.map(ask6) == false) }
            #expect(translated.map(ask6) == false)
        }
        #expect(answers.count == 2)
    }

    @Test func eitherFormAnswersAlikeAsAnIPAddress() throws {
        let questions: [(IPAddress) -> Bool] = [
            { $0.isUnspecified }, { $0.isLoopback }, { $0.isPrivate }, { $0.isLinkLocal }, { $0.isMulticast },
            { $0.isBroadcast }, { $0.isDocumentation },
        ]
        for (index, text) in [
            "0.0.0.0", "127.0.0.1", "10.1.2.3", "169.254.1.2", "224.0.0.1", "255.255.255.255", "192.0.2.1",
        ].enumerated() {
            let plain = try #require(IPAddress(text))
            let mapped = try #require(IPAddress("::ffff:\(text)"))
            #expect(plain != mapped)
            #expect(mapped.unmapped == plain)
            #expect(plain.unmapped == plain)
            for (number, isTrue) in questions.enumerated() {
                #expect(isTrue(plain) == (number == index))
                #expect(isTrue(mapped) == (number == index))
            }
        }
        #expect(IPAddress("::1")?.unmapped == .v6(.loopback))
    }

    @Test func eitherVersionIsReadAsAnIPAddress() {
        #expect(IPAddress("127.0.0.1") == .v4(.loopback))
        #expect(IPAddress("::1") == .v6(.loopback))
        #expect(IPAddress("localhost") == nil)
        #expect(IPAddress.v4(.loopback).isLoopback && IPAddress.v6(.loopback).isLoopback)
        #expect(IPAddress.v4(.any).isUnspecified && IPAddress.v6(.any).isUnspecified)
        #expect(IPAddress("224.0.0.1")?.isMulticast == true && IPAddress("ff02::1")?.isMulticast == true)
        #expect(IPAddress("169.254.1.1")?.isLinkLocal == true && IPAddress("fe80::1")?.isLinkLocal == true)
        #expect(IPAddress("::1")?.description == "::1")
    }
}
