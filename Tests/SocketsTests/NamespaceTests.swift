// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

/// Tests that need a network of their own, which Scripts/namespaces gives them.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct NamespaceTests {
    /// net.ipv6.bindv6only is 1.
    @Test(.enabled(if: Namespace.isSet(up: "bindv6only")))
    func settingOfTheSystemDoesNotSayWhatTheWildcardIs() throws {
        // What a socket is that nobody has told anything.
        #expect(try Socket(.ipv6, .stream).get(.ipv6Only))
        let any = SocketAddress.ipv6(.any, port: 0)
        for server in [Held(try Socket.listen(onPort: 0)), Held(try Socket.listen(on: any))] {
            let port = try #require(try server.socket.localAddress.port)
            for ip in [IPAddress.v4(.loopback), .v6(.loopback)] {
                _ = try Socket.connect(to: SocketAddress(ip, port: port))
                #expect(try server.socket.acceptWithPeer().peer.ip?.unmapped == ip)
            }
        }
        let mapped = try Socket.listen(on: .ipv6(IPv6Address(mapped: .loopback), port: 0))
        _ = try Socket.connect(to: .ipv4(.loopback, port: #require(mapped.localAddress.port)))
    }

    /// many.test has 127.0.0.2, 127.0.0.3 and ::1; fe80::1 is an address of two interfaces, left and right. (The C
    /// library reads no scope in the hosts file, so no name has one of them.)
    @Test(.enabled(if: Namespace.isSet(up: "addresses")))
    func everyAddressOfANameIsListenedOnWithItsScope() throws {
        let (left, right) = (try NetworkInterface(name: "left").index, try NetworkInterface(name: "right").index)
        let linkLocal = try #require(IPv6Address("fe80::1"))
        var listening = try Socket.listen(onHost: "many.test", port: 0)
        let addresses = listening.addresses
        #expect(addresses.count == 3)
        #expect(Set(addresses.map(\.port)).count == 1)
        let port = try #require(addresses[0].port)
        for address in addresses {
            let client = try Socket.connect(to: address)
            #expect(try client.peerAddress == address)
            let accepted = try listening.accept(timeout: .seconds(30))
            #expect(try accepted.socket.localAddress == address)
        }
        // The same address on another link is another address.
        for (name, scope) in [("left", left), ("right", right)] {
            var other = try Socket.listen(onHost: "fe80::1%\(name)", port: port)
            #expect(other.addresses == [.ipv6(linkLocal, port: port, scope: scope)])
            _ = try Socket.connect(to: other.addresses[0])
            let accepted = try other.accept(timeout: .seconds(30))
            #expect(try accepted.socket.localAddress == other.addresses[0])
        }
        let both = try Socket.listen(
            onAll: [.ipv6(linkLocal, port: 0, scope: left), .ipv6(linkLocal, port: 0, scope: right)])
        #expect(both.addresses.count == 2)
        // A wildcard beside an address of the other family.
        let list = try Socket.listen(onAll: [.ipv4(.any, port: 0), .ipv6(.any, port: 0)])
        #expect(list.addresses.count == 2)
    }

    /// No interface has an IPv6 address.
    @Test(.enabled(if: Namespace.isSet(up: "noipv6")))
    func familyThatIsMissingIsLeftOut() throws {
        let listening = try Socket.listen(onHost: "localhost", port: 0)
        #expect(listening.addresses.map(\.ip) == [.v4(.loopback)])
        let server = try Socket.listen(onPort: 0)
        let port = try #require(try server.localAddress.port)
        _ = try Socket.connect(to: .ipv4(.loopback, port: port))
        #expect(throws: SocketError.self) {
            _ = try Socket.listen(onAll: [.ipv4(.loopback, port: 0), .ipv6(.loopback, port: 0)])
        }
    }

    /// The system has two ports to give, 45000 and 45001.
    @Test(.enabled(if: Namespace.isSet(up: "twoports")))
    func portThatTheSystemGivesIsNotItsOwnPeer() throws {
        // Bare connects do meet themselves here, so that the test tests something.
        var isSeen = false
        for port in [45_000, 45_001] as [UInt16] {
            for _ in 0..<20 {
                let error = #expect(throws: SocketError.self) {
                    _ = try Socket.connect(to: .ipv4(.loopback, port: port))
                }
                #expect(error?.errno == .connectionRefused || error?.errno == .addressNotAvailable)
                let named = #expect(throws: SocketError.self) {
                    _ = try Socket.connect(toHost: "localhost", port: port, timeout: .seconds(5))
                }
                #expect(named != nil)
                let socket = try Socket(.ipv4, .stream)
                let single = #expect(throws: SocketError.self) { try socket.connect(to: .ipv4(.loopback, port: port)) }
                isSeen = isSeen || single?.errno == .connectionRefused
            }
        }
        #expect(isSeen)
    }

    /// A link that is down for less than the probes take costs no connection; one that stays down does.
    @Test(.enabled(if: Namespace.isSet(up: "linkdown")))
    func silentConnectionBearsALinkThatIsDownForAWhile() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Socket.connect(to: server.localAddress)
        let accepted = try server.accept()
        // The defaults, sixty times as fast, but for what a second cannot be less than.
        try client.set(KeepAlive(idle: .seconds(1), interval: .seconds(1), count: 5))
        try #require(Namespace.ip("link set lo down"))
        // Three probes go unanswered.
        let during = try client.wait(for: .readable, timeout: .milliseconds(3500))
        try #require(Namespace.ip("link set lo up"))
        #expect(during.isEmpty)
        let after = try client.wait(for: .readable, timeout: .seconds(3))
        #expect(after.isEmpty)
        try accepted.sendAll("here")
        _ = try client.wait(for: .readable, timeout: .seconds(10))
        #expect(try client.receive(upTo: 10) == Array("here".utf8))

        try #require(Namespace.ip("link set lo down"))
        let end = try client.wait(for: .readable, timeout: .seconds(20))
        try #require(Namespace.ip("link set lo up"))
        #expect(end.contains(.error))
        #expect(try client.takePendingError() == .timedOut)
    }
}
