// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ConnectingTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    @Test func refusalNamesTheAddress() async throws {
        let socket = try Socket(.ipv4, .stream)
        try socket.bind(to: .anyPort)
        let address = try socket.localAddress
        let error = await failure { _ = try await Connection.connect(to: address, on: loop) }
        #expect(error == SocketError(.connect, .system(.connectionRefused), subject: .address(address)))
        _ = consume socket
        loop.stop()
    }

    @Test func namesAreResolvedAndRaced() async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let port = try #require(listener.address.port)
        // Where localhost is IPv6 too, nobody listens there, and IPv4 is tried next.
        let client = try await Connection.connect(toHost: "localhost", port: port, on: loop)
        #expect(client.peerAddress.port == port)
        loop.stop()
    }

    @Test func everyAddressThatWasTriedIsNamed() async throws {
        let first = try Socket(.ipv4, .stream)
        try first.bind(to: .anyPort)
        let second = try Socket(.ipv4, .stream)
        try second.bind(to: .anyPort)
        let addresses = [try first.localAddress, try second.localAddress]
        let error = await failure { _ = try await Connection.connect(toFirstOf: addresses, on: loop) }
        #expect(error?.reason == .allAttemptsFailed)
        #expect(error?.attempts.map(\.address) == addresses)
        _ = consume first
        _ = consume second
        loop.stop()
    }

    @Test func unknownNameIsAnError() async throws {
        let error = await failure { _ = try await Connection.connect(toHost: "no.such.host.invalid", port: 1) }
        guard case .nameResolution? = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(await failure { _ = try await Connection.connect(toHost: "", port: 1) } != nil)
        loop.stop()
    }

    /// A Unix listener with a full backlog: a connection to it waits until somebody accepts.
    private func fullListener() async throws -> (socket: FileDescriptor, address: SocketAddress, first: Connection) {
        let socket = try Socket(.unix, .stream)
        try socket.bind(to: .unix(.unnamed))
        try socket.listen(backlog: 0)
        let address = try socket.localAddress
        let first = try await Connection.connect(to: address, on: loop)
        return (socket.release(), address, first)
    }

    @Test func cancelledConnectSaysSo() async throws {
        let (socket, address, first) = try await fullListener()
        let task = Task(executorPreference: loop) {
            await failure { _ = try await Connection.connect(to: address, on: loop) }
        }
        await loop.settle()
        task.cancel()
        #expect(await task.value == SocketError(.connect, .cancelled, subject: .address(address)))
        try socket.close()
        _ = first
        loop.stop()
    }

    @Test func unixListenerWithAFullBacklogIsWaitedFor() async throws {
        let (descriptor, address, first) = try await fullListener()
        let error = await failure {
            _ = try await Connection.connect(to: address, on: loop, timeout: .milliseconds(30))
        }
        #expect(error?.errno == .timedOut)
        async let second = Connection.connect(to: address, on: loop)
        let socket = Socket(adopting: descriptor)
        let accepted = try socket.accept()
        _ = try await second
        _ = consume accepted
        _ = consume socket
        _ = first
        loop.stop()
    }

    /// A host whose first address drops what is sent to it costs a quarter of a second, not minutes.
    @Test func silentAddressIsPassedOver() async throws {
        // Linux answers nothing on a full backlog, which holds one more than asked for.
        let silent = try Socket(.ipv4, .stream)
        try silent.bind(to: .anyPort)
        try silent.listen(backlog: 0)
        let address = try silent.localAddress
        let filling = try await Connection.connect(to: address, on: loop)
        let error = await failure {
            _ = try await Connection.connect(to: address, on: loop, timeout: .milliseconds(30))
        }
        #expect(error?.errno == .timedOut)
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let client = try await Connection.connect(
            toFirstOf: [address, listener.address], on: loop, timeout: .seconds(60))
        #expect(client.peerAddress == listener.address)
        _ = consume silent
        _ = filling
        loop.stop()
    }
}
