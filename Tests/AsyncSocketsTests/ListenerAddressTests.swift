// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation
import Sockets
import SystemPackage
import TestSupport
import Testing

/// On which addresses a listener listens.
@Suite(.timeLimit(.minutes(5)))
final class ListenerAddressTests {
    let loop: EventLoop
    private let folder = TemporaryFolder()

    init() throws {
        loop = try EventLoop()
    }

    /// Connects to each address, and sees that the connection that is accepted was made to it.
    private func check(_ listener: Listener) async throws {
        for address in listener.addresses {
            let client = try await Connection.connect(to: address, on: loop)
            let accepted = try await listener.accept(timeout: .seconds(60))
            #expect(try accepted.localAddress == address)
            client.close()
        }
    }

    private var hasIPv6: Bool {
        (try? Socket.listen(on: .ipv6(.loopback, port: 0))) != nil
    }

    private func path(_ name: String) throws -> SocketAddress {
        .unix(try UnixAddress(path: folder.file(name)))
    }

    private func hasFile(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.file(name))
    }

    @Test func listIsOneListener() async throws {
        let second = try #require(IPv4Address("127.0.0.2"))
        let (one, other) = (try path("one"), try path("other"))
        let list: [SocketAddress] = [one, .anyPort, .ipv4(second, port: 0), .anyPort, other, one]
        let listener = try Listener.bind(toAll: list, on: loop)
        let port = try #require(listener.address.port)
        #expect(listener.addresses == [.ipv4(.loopback, port: port), .ipv4(second, port: port), one, other])
        try await check(listener)
        listener.close()
        #expect(!hasFile("one") && !hasFile("other"))
        loop.stop()
    }

    @Test func listOfWhichOneIsTakenListensNowhere() async throws {
        let live = try Listener.bind(to: try path("live"), on: loop)
        let error = await failure {
            _ = try Listener.bind(toAll: [try path("free"), .anyPort, live.address], on: loop)
        }
        #expect(error == SocketError(.bind, .system(.addressInUse), subject: .address(live.address)))
        #expect(!hasFile("free"))
        #expect(await failure { _ = try Listener.bind(toAll: [], on: loop) } != nil)
        try await check(live)
        loop.stop()
    }

    @Test func portOfAllAddressesIsOfBothFamilies() async throws {
        let listener = try Listener.bind(toPort: 0, on: loop)
        let port = try #require(listener.address.port)
        var clients: [SocketAddress] = [.ipv4(.loopback, port: port)]
        if hasIPv6 { clients.append(.ipv6(.loopback, port: port)) }
        for address in clients {
            let client = try await Connection.connect(to: address, on: loop)
            _ = try await listener.accept(timeout: .seconds(60))
            client.close()
        }
        loop.stop()
    }

    @Test func wildcardsOfBothFamiliesGoTogether() async throws {
        guard hasIPv6 else { return }
        let listener = try Listener.bind(toAll: [.ipv6(.any, port: 0), .ipv4(.any, port: 0)], on: loop)
        #expect(listener.addresses.count == 2)
        #expect(listener.addresses[0].port == listener.addresses[1].port)
        let only = ListenOptions(ipv6Wildcard: .ipv6Only)
        let ipv6 = try Listener.bind(to: .ipv6(.any, port: 0), options: only, on: loop)
        let port = try #require(ipv6.address.port)
        #expect(await failure { _ = try await Connection.connect(to: .ipv4(.loopback, port: port), on: loop) } != nil)
        loop.stop()
    }

    @Test func unixSocketHasItsModeBeforeAnybodyConnects() async throws {
        let file = ListenOptions.UnixFile(permissions: [.ownerReadWrite, .groupWrite])
        let listener = try Listener.bind(to: try path("guarded"), options: ListenOptions(unixFile: file), on: loop)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("guarded"))
        #expect(attributes[.posixPermissions] as? Int == 0o620)
        try await check(listener)
        loop.stop()
    }
}
