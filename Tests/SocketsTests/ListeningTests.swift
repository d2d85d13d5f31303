// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct ListeningTests {
    /// One address of each family to listen on.
    static func addresses(in folder: borrowing TemporaryFolder) throws -> [SocketAddress] {
        [
            .ipv4(.loopback, port: 0), .ipv6(.loopback, port: 0), try SocketAddress(unixPath: folder.file("s")),
            .unix(.unnamed),
        ]
    }

    @Test func everyFamilyListensAndAcceptsWithThePeersAddress() throws {
        let folder = TemporaryFolder()
        for address in try Self.addresses(in: folder) {
            let server = try Socket.listen(on: address)
            #expect(try server.get(.isListening))
            let local = try server.localAddress
            let client = try Socket.connect(to: local)
            let accepted = try server.acceptWithPeer()
            #expect(accepted.peer == (try client.localAddress))
            #expect(try client.peerAddress == local)
            try client.sendAll("hello")
            #expect(try accepted.socket.receive(upTo: 10) == Array("hello".utf8))
        }
    }

    @Test func unnamedUnixListenerGetsAnAbstractName() throws {
        let server = try Socket.listen(on: .unix(.unnamed))
        guard case .unix(let address) = try server.localAddress else {
            Issue.record("not a Unix address")
            return
        }
        #expect(address.abstractName?.isEmpty == false)
    }

    @Test func onlyInternetListenersReuseAddresses() throws {
        let folder = TemporaryFolder()
        #expect(try Socket.listen(on: .ipv4(.loopback, port: 0)).get(.reuseAddress))
        #expect(try Socket.listen(on: .ipv6(.loopback, port: 0)).get(.reuseAddress))
        let path = try SocketAddress(unixPath: folder.file("s"))
        #expect(try !Socket.listen(on: path).get(.reuseAddress))
    }

    @Test func failedBindNamesTheAddressAndNeverListens() throws {
        let taken = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let address = try taken.localAddress
        let inUse = #expect(throws: SocketError.self) { _ = try Socket.listen(on: address) }
        #expect(inUse?.description == "bind \(address): Address already in use (EADDRINUSE)")
        #expect(inUse?.address == address)

        let foreign = SocketAddress.ipv4(IPv4Address(192, 0, 2, 1), port: 0)
        let unavailable = #expect(throws: SocketError.self) { _ = try Socket.listen(on: foreign) }
        #expect(unavailable?.errno == .addressNotAvailable)

        let missing = try SocketAddress(unixPath: "/tmp/no-such-folder/socket")
        let noFolder = #expect(throws: SocketError.self) { _ = try Socket.listen(on: missing) }
        #expect(
            noFolder?.description == "bind unix:/tmp/no-such-folder/socket: No such file or directory (ENOENT)")
    }

    @Test func existingFileIsNotReplaced() throws {
        let folder = TemporaryFolder()
        let path = try SocketAddress(unixPath: folder.file("s"))
        try Socket.listen(on: path).close()
        let error = #expect(throws: SocketError.self) { _ = try Socket.listen(on: path) }
        #expect(error?.errno == .addressInUse)
    }

    @Test func secondBindIsRefused() throws {
        let socket = try Socket(.ipv4, .stream)
        try socket.bind(to: .ipv4(.loopback, port: 0))
        let error = #expect(throws: SocketError.self) { try socket.bind(to: .ipv4(.loopback, port: 0)) }
        #expect(error?.errno == .invalidArgument)
    }

    @Test func negativeBacklogIsRefusedBeforeAnySystemCall() throws {
        let listening = #expect(throws: SocketError.self) {
            _ = try Socket.listen(on: .ipv4(.loopback, port: 0), backlog: -1)
        }
        #expect(listening?.reason == .invalid(.negative))
        let socket = try Socket(.ipv4, .stream)
        #expect(throws: SocketError.self) { try socket.listen(backlog: -1) }
        // Had the call been made, Linux would have bound the socket to a port.
        #expect(try socket.localAddress.port == 0)
    }

    @Test func acceptingWithoutListeningIsRefused() throws {
        let stream = try Socket(.ipv4, .stream)
        let notListening = #expect(throws: SocketError.self) { _ = try stream.accept() }
        #expect(notListening?.operation == .accept)
        #expect(notListening?.errno == .invalidArgument)
        let datagram = try Socket(.ipv4, .datagram)
        #expect(throws: SocketError.self) { _ = try datagram.accept() }
    }

    @Test func acceptedModeIsTheCallsAndNotTheListeners() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0), mode: .nonBlocking)
        let nobody = try server.tryAccept() == nil
        #expect(nobody)
        let error = #expect(throws: SocketError.self) { _ = try server.accept() }
        #expect(error?.isWouldBlock == true)

        let first = try Socket.connect(to: server.localAddress)
        let second = try Socket.connect(to: server.localAddress)
        _ = try server.wait(for: .readable, timeout: nil)
        let blocking = try server.accept().blockingMode
        let nonBlocking = try server.tryAccept(mode: .nonBlocking)?.socket.blockingMode
        #expect(blocking == .blocking)
        #expect(nonBlocking == .nonBlocking)
        _ = (first.withDescriptor { $0 }, second.withDescriptor { $0 })
    }
}
