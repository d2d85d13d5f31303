// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import Testing

/// A time-out of zero, or less, tries once: what can be done at once is done, and what cannot is `ETIMEDOUT`.
@Suite(.timeLimit(.minutes(5)))
struct ZeroTimeoutTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    private static var timeouts: [Duration] { [.zero, .seconds(-1), .nanoseconds(1)] }

    /// Calls `body` in a task on the loop, where no event is handled between two calls that do not wait.
    private func onLoop(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await Task(executorPreference: loop) { try await body() }.value
        loop.stop()
    }

    @Test(arguments: timeouts)
    func receivesTakeWhatIsThere(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let (client, served) = try await tcpPair(loop)
            for round in 0..<3 {
                let isEmpty = await failure { _ = try await served.receive(upTo: 10, timeout: timeout) }
                #expect(isEmpty?.errno == .timedOut, "round \(round)")
                try await client.send("hello\r\nrest")
                #expect(try await served.peek(upTo: 5, timeout: timeout) == Array("hello".utf8))
                var reader = BufferedReader(served)
                #expect(try await reader.receiveLine(limit: 5, timeout: timeout) == Array("hello".utf8))
                #expect(try await reader.receive(exactly: 4, timeout: timeout) == Array("rest".utf8))
            }
            client.close()
            #expect(try await served.receive(upTo: 10, timeout: timeout).isEmpty)
        }
    }

    /// Many calls in a row, after which a call lets other tasks run before it does anything.
    @Test(arguments: timeouts)
    func busyConnectionsAreTriedToo(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let (client, served) = try await tcpPair(loop)
            for _ in 0..<300 {
                try await client.send("x", timeout: timeout)
                #expect(try await served.receive(upTo: 10, timeout: timeout) == [UInt8(ascii: "x")])
            }
        }
    }

    @Test func connectionWhoseTotalTimeIsOverGivesWhatIsThere() async throws {
        try await onLoop { [loop] in
            let (client, served) = try await tcpPair(loop)
            #expect(await failure { _ = try await served.receive(upTo: 10, timeout: .zero) }?.errno == .timedOut)
            served.setTotalTimeout(.zero)
            try await client.send("x")
            #expect(try await served.receive(upTo: 10) == [UInt8(ascii: "x")])
            #expect(await failure { _ = try await served.receive(upTo: 10) }?.errno == .timedOut)
        }
    }

    @Test(arguments: timeouts)
    func sendsTakeWhatFits(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let (client, served) = try await tcpPair(loop)
            try await client.send("x", timeout: timeout)
            let huge = [UInt8](repeating: 0, count: 64 << 20)
            #expect(await failure { try await client.send(huge, timeout: timeout) }?.errno == .timedOut)
            _ = served
        }
    }

    @Test(arguments: timeouts)
    func acceptTakesAConnectionThatIsThere(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let listener = try Listener.bind(to: .anyPort, on: loop)
            for _ in 0..<3 {
                #expect(await failure { _ = try await listener.accept(timeout: timeout) }?.errno == .timedOut)
                let client = try Socket.connect(to: listener.address)
                _ = try await listener.accept(timeout: timeout)
                _ = consume client
            }
        }
    }

    @Test(arguments: timeouts)
    func connectTriesOnce(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let listener = try Listener.bind(to: .anyPort, on: loop)
            let port = try #require(listener.address.port)
            _ = try await Connection.connect(to: listener.address, on: loop, timeout: timeout)
            _ = try await Connection.connect(toHost: "127.0.0.1", port: port, on: loop, timeout: timeout)
            _ = try await Connection.connect(toFirstOf: [listener.address], on: loop, timeout: timeout)
            let unused = try Socket(.ipv4, .stream)
            try unused.bind(to: .anyPort)
            let address = try unused.localAddress
            let refusal = await failure { _ = try await Connection.connect(to: address, on: loop, timeout: timeout) }
            #expect(refusal?.errno == .connectionRefused)
            _ = try await Connection.connect(toFirstOf: [address, listener.address], on: loop, timeout: timeout)
        }
    }

    @Test(arguments: timeouts)
    func waitsLookOnce(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let (client, served) = try await tcpPair(loop)
            #expect(await failure { _ = try await served.wait(for: .readable, timeout: timeout) }?.errno == .timedOut)
            try await client.send("x")
            #expect(try await served.wait(for: .readable, timeout: timeout) == .events(.readable))
            let signal = Signal()
            #expect(await !loop.wait(for: signal, timeout: timeout))
            signal.give()
            #expect(try await served.wait(for: .peerHalfClosed, or: signal, timeout: timeout) == .signalled)
            signal.give()
            #expect(await loop.wait(for: signal, timeout: timeout))
        }
    }

    @Test(arguments: timeouts)
    func datagramsThatAreThereAreTaken(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let receiver = try Datagram.bind(to: .anyPort, on: loop)
            let sender = try Datagram.connect(to: try receiver.localAddress, on: loop)
            for _ in 0..<200 {
                try await sender.send([1, 2, 3], timeout: timeout)
                #expect(try await receiver.receive(upTo: 10, timeout: timeout).bytes == [1, 2, 3])
            }
            #expect(await failure { _ = try await receiver.receive(upTo: 10, timeout: timeout) }?.errno == .timedOut)
        }
    }

    @Test(arguments: timeouts)
    func literalsNeedNoTime(timeout: Duration) async throws {
        try await onLoop { [loop] in
            let found = try await Resolver.shared.addresses(of: "::1", port: 1, timeout: timeout, on: loop)
            #expect(found == [.ipv6(.loopback, port: 1)])
        }
    }
}
