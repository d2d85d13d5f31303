// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation
import Sockets
import SystemPackage
import TestSupport
import Testing

/// Tests that need a network of their own, which Scripts/namespaces gives them.
@Suite(.timeLimit(.minutes(5)))
struct AsyncNamespaceTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    /// The number of this process's threads.
    private var threadCount: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
    }

    /// Connects to each address, and sees that the connection that is accepted was made to it.
    private func check(_ listener: Listener, at addresses: [SocketAddress]) async throws {
        for address in addresses {
            let client = try await Connection.connect(to: address, on: loop, timeout: .seconds(60))
            let accepted = try await listener.accept(timeout: .seconds(60))
            #expect(try accepted.localAddress.port == address.port)
            client.close()
        }
    }

    /// The name server does not answer, and the hosts file has localhost.
    @Test(.enabled(if: Namespace.isSet(up: "silentnames")))
    func hostsFileDoesNotWaitForASilentNameServer() async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let port = try #require(listener.address.port)
        let before = threadCount
        // More than there are threads for.
        let far = (0..<40).map { number in
            Task { [loop] in
                await failure {
                    _ = try await Connection.connect(
                        toHost: "far\(number).example", port: port, on: loop, timeout: .seconds(4))
                }
            }
        }
        while threadCount < before + Resolver.shared.threadLimit { try await loop.sleep(for: .milliseconds(1)) }
        for _ in 0..<10 {
            _ = try await Connection.connect(toHost: "localhost", port: port, on: loop, timeout: .seconds(2))
        }
        for task in far { #expect(await task.value?.errno == .timedOut) }
        loop.stop()
    }

    /// net.ipv6.bindv6only is 1.
    @Test(.enabled(if: Namespace.isSet(up: "bindv6only")))
    func allAddressesAreOfBothFamilies() async throws {
        for listener in [
            try Listener.bind(toPort: 0, on: loop), try Listener.bind(to: .ipv6(.any, port: 0), on: loop),
        ] {
            let port = try #require(listener.address.port)
            try await check(listener, at: [.ipv4(.loopback, port: port), .ipv6(.loopback, port: port)])
            let mapped = IPv6Address(mapped: .loopback)
            try await check(listener, at: [.ipv6(mapped, port: port)])
            _ = try Socket.connect(to: .ipv6(mapped, port: port))
        }
        let datagrams = try Datagram.bind(to: .ipv6(.any, port: 0), on: loop)
        let port = try #require(try datagrams.localAddress.port)
        let sender = try Datagram.connect(to: .ipv4(.loopback, port: port), on: loop)
        try await sender.send([120], timeout: .seconds(60))
        #expect(try await datagrams.receive(upTo: 9, timeout: .seconds(60)).bytes == Array("x".utf8))
        loop.stop()
    }

    /// many.test has 127.0.0.2, 127.0.0.3 and ::1; the interfaces left and right have fe80::1 each.
    @Test(.enabled(if: Namespace.isSet(up: "addresses")))
    func everyAddressIsListenedOnWithItsScope() async throws {
        let named = try await Listener.bind(toHost: "many.test", port: 0, on: loop)
        #expect(named.addresses.count == 3)
        #expect(Set(named.addresses.map(\.port)).count == 1)
        try await check(named, at: named.addresses)

        let linkLocal = try #require(IPv6Address("fe80::1"))
        let left = try NetworkInterface(name: "left").index
        let right = try NetworkInterface(name: "right").index
        let literal = try await Listener.bind(toHost: "fe80::1%right", port: 0, on: loop)
        let port = try #require(literal.address.port)
        #expect(literal.addresses == [.ipv6(linkLocal, port: port, scope: right)])
        try await check(literal, at: literal.addresses)

        let both = [left, right].map { SocketAddress.ipv6(linkLocal, port: 0, scope: $0) }
        let listed = try Listener.bind(toAll: both, on: loop)
        #expect(listed.addresses.map { $0.withPort(0) } == both)
        try await check(listed, at: listed.addresses)
        loop.stop()
    }

    /// No interface has an IPv6 address.
    @Test(.enabled(if: Namespace.isSet(up: "noipv6")))
    func familyThatIsMissingIsLeftOut() async throws {
        let named = try await Listener.bind(toHost: "localhost", port: 0, on: loop)
        #expect(named.addresses.map(\.ip) == [.v4(.loopback)])
        try await check(named, at: named.addresses)
        let all = try Listener.bind(toPort: 0, on: loop)
        try await check(all, at: [.ipv4(.loopback, port: try #require(all.address.port))])
        loop.stop()
    }

    /// The system has two ports to give, 45000 and 45001.
    @Test(.enabled(if: Namespace.isSet(up: "twoports")))
    func connectionIsNotItsOwnPeer() async throws {
        var reasons: Set<Errno> = []
        for port in [45_000, 45_001] as [UInt16] {
            for timeout in [nil, .zero, .seconds(60)] as [Duration?] {
                for _ in 0..<20 {
                    let error = await failure {
                        _ = try await Connection.connect(to: .ipv4(.loopback, port: port), on: loop, timeout: timeout)
                    }
                    if let errno = try #require(error).errno { reasons.insert(errno) }
                }
            }
        }
        // The other is that of a system that has no port left.
        #expect(reasons.contains(.connectionRefused))
        #expect(reasons.isSubset(of: [.connectionRefused, .addressNotAvailable]))
        loop.stop()
    }
}
