// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import Testing

/// No public call ends the process, or sets aside the memory for its limit, whatever numbers it is given.
/// `Scripts/limits` sees to it that none is missing here.
@Suite(.timeLimit(.minutes(5)))
struct LimitTests {
    @Test(arguments: table)
    func extremesAreBorne(call: LimitCall) async throws {
        for extreme in Extreme.allCases {
            do {
                try await call.body(extreme)
            } catch is SocketError {
                // Refused, or in vain: both are answers.
            }
        }
    }

    /// What a connection has received, a line and its end, with the end of the stream behind it.
    private static func withLine(_ body: (Connection) async throws -> Void) async throws {
        let loop = try EventLoopGroup.shared.next()
        let (client, served) = try await tcpPair(loop)
        try await client.send("line\n")
        try client.finishSending()
        defer { client.close() }
        try await body(served)
    }

    private static func withReader(_ body: (inout BufferedReader<Connection>) async throws -> Void) async throws {
        try await withLine { connection in
            var reader = BufferedReader(connection)
            try await body(&reader)
        }
    }

    /// A datagram socket with one datagram that has arrived.
    private static func withDatagram(_ body: (Datagram) async throws -> Void) async throws {
        let receiver = try Datagram.bind(to: .anyPort)
        let sender = try Datagram.connect(to: try receiver.localAddress)
        try await sender.send([1, 2, 3])
        defer { sender.close() }
        try await body(receiver)
    }

    private static func withExchange(_ body: @escaping @Sendable (Exchange) throws(SocketError) -> Void) async throws {
        let loop = try EventLoopGroup.shared.next()
        let (client, served) = try await tcpPair(loop)
        try await client.send("line\n")
        try await withTaskExecutorPreference(loop) {
            let exchange = Exchange(on: served)
            try await exchange.run { _ throws(SocketError) in
                try body(exchange)
                exchange.end()
            }
        }
    }

    /// Serves one connection with the given options.
    private static func serve(_ options: ServeOptions) async throws {
        let listener = try Listener.bind(to: .anyPort)
        async let end: Void = listener.serve(options) { connection in
            defer { listener.stop() }
            _ = try await connection.receive(upTo: 1)
        }
        if options.connectionLimit > 0 {
            let client = try await Connection.connect(to: listener.address)
            try await client.send("x")
            _ = try await client.receive(upTo: 1)
        }
        try await end
    }

    private static let buffers: [LimitCall] = [
        .call("BufferedReader.init(_:capacity:)", "capacity") { extreme in
            try await withLine { connection in
                var reader = BufferedReader(connection, capacity: extreme.int)
                let line = try await reader.receiveLine(limit: 4)
                #expect(line == Array("line".utf8))
                let end = try await reader.receiveLine(limit: 4)
                #expect(end == nil)
            }
        },
        .call("BufferedReader.receive(exactly:timeout:)", "count") { extreme in
            try await withReader { reader in _ = try await reader.receive(exactly: extreme.int) }
        },
        .call("BufferedReader.receive(exactly:timeout:)", "timeout") { extreme in
            try await withReader { reader in _ = try await reader.receive(exactly: 5, timeout: extreme.duration) }
        },
        .call("BufferedReader.receive(until:limit:timeout:)", "limit") { extreme in
            try await withReader { reader in _ = try await reader.receive(until: "\n", limit: extreme.int) }
        },
        .call("BufferedReader.receive(until:limit:timeout:)", "timeout") { extreme in
            try await withReader { reader in
                _ = try await reader.receive(until: [0x0A], limit: .max, timeout: extreme.duration)
            }
        },
        .call("BufferedReader.receive(upTo:timeout:)", "limit") { extreme in
            try await withReader { reader in _ = try await reader.receive(upTo: extreme.int) }
        },
        .call("BufferedReader.receive(upTo:timeout:)", "timeout") { extreme in
            try await withReader { reader in _ = try await reader.receive(upTo: .max, timeout: extreme.duration) }
        },
        .call("BufferedReader.receiveLine(limit:timeout:)", "limit") { extreme in
            try await withReader { reader in _ = try await reader.receiveLine(limit: extreme.int) }
        },
        .call("BufferedReader.receiveLine(limit:timeout:)", "timeout") { extreme in
            try await withReader { reader in _ = try await reader.receiveLine(limit: .max, timeout: extreme.duration) }
        },
        .call("ByteStream.lines(limit:timeout:)", "limit") { extreme in
            try await withLine { connection in
                for try await line in connection.lines(limit: extreme.int) { #expect(line == "line") }
            }
        },
        .call("ByteStream.lines(limit:timeout:)", "timeout") { extreme in
            try await withLine { connection in
                for try await line in connection.lines(limit: .max, timeout: extreme.duration) {
                    #expect(line == "line")
                }
            }
        },
        .call("ByteStream.receive(into:timeout:)", "timeout") { extreme in
            try await withLine { connection in try await receive(from: connection, timeout: extreme.duration) }
        },
        .call("ByteStream.receive(into:upTo:timeout:)", "limit") { extreme in
            try await withLine { connection in try await receive(from: connection, upTo: extreme.int, timeout: nil) }
        },
        .call("ByteStream.receive(into:upTo:timeout:)", "timeout") { extreme in
            try await withLine { connection in
                try await receive(from: connection, upTo: .max, timeout: extreme.duration)
            }
        },
        .call("ByteStream.receive(upTo:timeout:)", "limit") { extreme in
            try await withLine { connection in
                let bytes = try await connection.receive(upTo: extreme.int)
                #expect(bytes == Array("line\n".utf8.prefix(extreme.int)))
            }
        },
        .call("ByteStream.receive(upTo:timeout:)", "timeout") { extreme in
            try await withLine { connection in _ = try await connection.receive(upTo: .max, timeout: extreme.duration) }
        },
        .call("ByteStream.receiveAll(limit:timeout:)", "limit") { extreme in
            try await withLine { connection in
                let bytes = try await connection.receiveAll(limit: extreme.int)
                #expect(bytes == Array("line\n".utf8))
            }
        },
        .call("ByteStream.receiveAll(limit:timeout:)", "timeout") { extreme in
            try await withLine { connection in
                _ = try await connection.receiveAll(limit: .max, timeout: extreme.duration)
            }
        },
        .call("ByteStream.send(_:timeout:)", "timeout") { extreme in
            try await withLine { connection in
                try await connection.send("text", timeout: extreme.duration)
                try await connection.send(Array("bytes".utf8).span, timeout: extreme.duration)
            }
        },
    ]

    private static func receive(from stream: some ByteStream, timeout: Duration?) async throws {
        let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
        defer { unsafe storage.deallocate() }
        // SAFETY: the memory is there until the end of the function, and plain bytes need no end of their own.
        var buffer = unsafe OutputRawSpan(buffer: storage, initializedCount: 0)
        _ = try await stream.receive(into: &buffer, timeout: timeout)
    }

    private static func receive(from stream: some ByteStream, upTo limit: Int, timeout: Duration?) async throws {
        var bytes: [UInt8] = []
        _ = try await stream.receive(into: &bytes, upTo: limit, timeout: timeout)
        #expect(bytes.capacity <= 4 << 20)
    }

    private static let connections: [LimitCall] = [
        .call("Connection.connect(to:on:timeout:)", "timeout") { extreme in
            let listener = try Listener.bind(to: .anyPort)
            _ = try await Connection.connect(to: listener.address, timeout: extreme.duration)
        },
        .call("Connection.connect(toFirstOf:on:timeout:)", "timeout") { extreme in
            let listener = try Listener.bind(to: .anyPort)
            _ = try await Connection.connect(toFirstOf: [listener.address], timeout: extreme.duration)
        },
        .call("Connection.connect(toHost:port:on:timeout:resolver:)", "port") { extreme in
            _ = try await Connection.connect(toHost: "127.0.0.1", port: extreme.port, timeout: .seconds(60))
        },
        .call("Connection.connect(toHost:port:on:timeout:resolver:)", "timeout") { extreme in
            let listener = try Listener.bind(to: .anyPort)
            let port = try #require(listener.address.port)
            _ = try await Connection.connect(toHost: "127.0.0.1", port: port, timeout: extreme.duration)
        },
        .call("Connection.finish(discarding:timeout:)", "limit") { extreme in
            try await withLine { connection in try await connection.finish(discarding: extreme.int) }
        },
        .call("Connection.finish(discarding:timeout:)", "timeout") { extreme in
            try await withLine { connection in try await connection.finish(timeout: extreme.duration) }
        },
        .call("Connection.peek(upTo:beyond:timeout:)", "limit") { extreme in
            try await withLine { connection in
                let bytes = try await connection.peek(upTo: extreme.int)
                #expect(bytes == Array("line\n".utf8.prefix(extreme.int)))
            }
        },
        .call("Connection.peek(upTo:beyond:timeout:)", "count") { extreme in
            try await withLine { connection in
                let bytes = try await connection.peek(upTo: 5, beyond: extreme.int)
                #expect(bytes == Array("line\n".utf8))
            }
        },
        .call("Connection.peek(upTo:beyond:timeout:)", "timeout") { extreme in
            try await withLine { connection in _ = try await connection.peek(upTo: .max, timeout: extreme.duration) }
        },
        .call("Connection.receive(into:timeout:)", "timeout") { extreme in
            try await withLine { connection in
                try await receive(from: connection, timeout: extreme.duration)
            }
        },
        .call("Connection.receive(into:upTo:timeout:)", "limit") { extreme in
            try await withLine { connection in try await receive(from: connection, upTo: extreme.int, timeout: nil) }
        },
        .call("Connection.receive(into:upTo:timeout:)", "timeout") { extreme in
            try await withLine { connection in try await receive(from: connection, upTo: 8, timeout: extreme.duration) }
        },
        .call("Connection.send(_:timeout:)", "timeout") { extreme in
            try await withLine { connection in
                try await connection.send([1], timeout: extreme.duration)
                try await connection.send(IOVector(), timeout: extreme.duration)
            }
        },
        .call("Connection.send(gathering:_:timeout:)", "timeout") { extreme in
            try await withLine { connection in
                let text = "two halves"
                // SAFETY: reading initialised UInt8s as raw bytes; the text is borrowed for the call.
                let bytes = unsafe text.utf8Span.span.bytes
                try await connection.send(gathering: bytes, bytes, timeout: extreme.duration)
            }
        },
        .call("Connection.setIdleTimeout(_:)", "timeout") { extreme in
            try await withLine { connection in
                connection.setIdleTimeout(extreme.duration)
                _ = try await connection.receive(upTo: 8)
            }
        },
        .call("Connection.setTotalTimeout(_:)", "timeout") { extreme in
            try await withLine { connection in
                connection.setTotalTimeout(extreme.duration)
                _ = try await connection.receive(upTo: 8)
            }
        },
        .call("Connection.wait(for:or:timeout:)", "timeout") { extreme in
            try await withLine { connection in _ = try await connection.wait(for: .readable, timeout: extreme.duration)
            }
        },
        .call("Exchange.tryReceive(appendingTo:upTo:)", "limit") { extreme in
            try await withExchange { (exchange) throws(SocketError) in
                var bytes: [UInt8] = []
                _ = try exchange.tryReceive(appendingTo: &bytes, upTo: extreme.int)
            }
        },
    ]

    private static let datagrams: [LimitCall] = [
        .call("Datagram.receive(into:timeout:)", "timeout") { extreme in
            try await withDatagram { socket in
                let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
                defer { unsafe storage.deallocate() }
                // SAFETY: the memory is there until the end of the closure, and plain bytes need no end of their own.
                var buffer = unsafe OutputRawSpan(buffer: storage, initializedCount: 0)
                _ = try await socket.receive(into: &buffer, timeout: extreme.duration)
            }
        },
        .call("Datagram.receive(upTo:timeout:)", "limit") { extreme in
            try await withDatagram { socket in
                let (bytes, datagram) = try await socket.receive(upTo: extreme.int)
                #expect(bytes == Array([1, 2, 3].prefix(extreme.int)))
                #expect(datagram.isTruncated == (extreme.int < 3))
            }
        },
        .call("Datagram.receive(upTo:timeout:)", "timeout") { extreme in
            try await withDatagram { socket in _ = try await socket.receive(upTo: 8, timeout: extreme.duration) }
        },
        .call("Datagram.send(_:timeout:)", "timeout") { extreme in
            try await withDatagram { socket in
                let sender = try Datagram.connect(to: try socket.localAddress)
                try await sender.send([1], timeout: extreme.duration)
            }
        },
        .call("Datagram.send(_:to:timeout:)", "timeout") { extreme in
            try await withDatagram { socket in
                try await socket.send([1], to: try socket.localAddress, timeout: extreme.duration)
            }
        },
    ]

    private static let loops: [LimitCall] = [
        .call("EventLoop.schedule(after:_:)", "delay") { extreme in
            try EventLoopGroup.shared.next().schedule(after: extreme.duration) {}.cancel()
        },
        .call("EventLoop.sleep(for:)", "duration") { extreme in
            let loop = try EventLoopGroup.shared.next()
            let sleep = Task { try? await loop.sleep(for: extreme.duration) }
            if extreme == .most { sleep.cancel() }
            await sleep.value
        },
        .call("EventLoop.wait(for:timeout:)", "timeout") { extreme in
            let signal = Signal()
            signal.give()
            let loop = try EventLoopGroup.shared.next()
            #expect(await loop.wait(for: signal, timeout: extreme.duration))
        },
        .call("EventLoopGroup.init(count:)", "count") { extreme in
            let group = try EventLoopGroup(count: extreme.int)
            #expect(group.loops.count == 1)
            group.stop()
        },
    ]

    private static let listeners: [LimitCall] = [
        .call("Listener.accept(timeout:)", "timeout") { extreme in
            let listener = try Listener.bind(to: .anyPort)
            let client = try await Connection.connect(to: listener.address)
            defer { client.close() }
            _ = try await listener.accept(timeout: extreme.duration)
        },
        .call("Listener.bind(toHost:port:options:on:resolver:)", "port") { extreme in
            _ = try await Listener.bind(toHost: "127.0.0.1", port: extreme.port)
        },
        .call("Listener.bind(toPort:options:on:)", "port") { extreme in _ = try Listener.bind(toPort: extreme.port) },
        .call("ServeOptions.init(connectionLimit:idleTimeout:totalTimeout:grace:loops:)", "connectionLimit") {
            extreme in
            try await serve(ServeOptions(connectionLimit: extreme.int))
        },
        .call("ServeOptions.init(connectionLimit:idleTimeout:totalTimeout:grace:loops:)", "idleTimeout") { extreme in
            try await serve(ServeOptions(idleTimeout: extreme.duration))
        },
        .call("ServeOptions.init(connectionLimit:idleTimeout:totalTimeout:grace:loops:)", "totalTimeout") { extreme in
            try await serve(ServeOptions(totalTimeout: extreme.duration))
        },
        .call("ServeOptions.init(connectionLimit:idleTimeout:totalTimeout:grace:loops:)", "grace") { extreme in
            try await serve(ServeOptions(grace: extreme.duration))
        },
        .call("Resolver.addresses(of:port:timeout:on:)", "port") { extreme in
            _ = try await Resolver.shared.addresses(of: "127.0.0.1", port: extreme.port)
        },
        .call("Resolver.addresses(of:port:timeout:on:)", "timeout") { extreme in
            _ = try await Resolver.shared.addresses(of: "127.0.0.1", port: 1, timeout: extreme.duration)
        },
        .call("Resolver.init(threadLimit:)", "threadLimit") { extreme in
            let resolver = try Resolver(threadLimit: extreme.int)
            #expect(resolver.threadLimit == 1)
        },
    ]

    static let table = buffers + connections + datagrams + loops + listeners
}
