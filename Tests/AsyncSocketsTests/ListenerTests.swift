// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Glibc
import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ListenerTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    /// Serves an echo while `body` runs, and stops then.
    private func serving(
        _ options: ServeOptions = .patient, onError: @escaping @Sendable (any Error) -> Void = { _ in },
        handler: @escaping Listener.Handler = { connection in
            while true {
                let bytes = try await connection.receive(upTo: 1024)
                if bytes.isEmpty { return }
                try await connection.send(bytes)
            }
        },
        _ body: (Listener) async throws -> Void
    ) async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await listener.serve(options, onError: { error, _ in onError(error) }, handler: handler)
            }
            do {
                try await body(listener)
            } catch {
                group.cancelAll()
                throw error
            }
            listener.stop()
            try await group.waitForAll()
        }
        loop.stop()
    }

    private func exchange(_ address: SocketAddress) async throws {
        let client = try await Connection.connect(to: address, on: loop)
        try await client.send("hello")
        #expect(try await client.receive(upTo: 10) == Array("hello".utf8))
    }

    @Test func connectionsAreAcceptedOneAfterAnother() async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let clients = Task {
            for _ in 0..<20 { _ = try await Connection.connect(to: listener.address) }
        }
        var count = 0
        for try await connection in listener.connections {
            #expect(connection.peerAddress.ip == .v4(.loopback))
            count += 1
            if count == 20 { break }
        }
        try await clients.value
        #expect(await failure { _ = try await listener.accept(timeout: .milliseconds(10)) }?.errno == .timedOut)
        listener.close()
        #expect(await failure { _ = try await listener.accept() }?.reason == .closed)
        loop.stop()
    }

    @Test func manyAreServedAtOnce() async throws {
        try await serving { listener in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 { group.addTask { try await exchange(listener.address) } }
                try await group.waitForAll()
            }
        }
    }

    /// One after another, so that the listener looks in vain between any two: such a look once took a turn.
    @Test(arguments: [1, 2, 3])
    func connectionsAreDealtOutEvenly(loopCount: Int) async throws {
        let loops = try EventLoopGroup(count: loopCount)
        let counts = Shared<[ObjectIdentifier: Int]>([:])
        try await serving(
            ServeOptions(idleTimeout: nil, loops: loops),
            handler: { connection in
                #expect(connection.loop.isCurrent)
                counts.change { $0[ObjectIdentifier(connection.loop), default: 0] += 1 }
                try await connection.send(try await connection.receive(upTo: 10))
            }
        ) { listener in
            for _ in 0..<6 { try await exchange(listener.address) }
        }
        #expect(Array(counts.get().values) == Array(repeating: 6 / loopCount, count: loopCount))
        loops.stop()
    }

    @Test func limitMakesOthersWaitAndDropsNone() async throws {
        let live = Shared((now: 0, most: 0))
        try await serving(
            ServeOptions(connectionLimit: 3, idleTimeout: nil),
            handler: { connection in
                live.change {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                defer { live.change { $0.now -= 1 } }
                try await connection.send(try await connection.receive(upTo: 10))
            }
        ) { listener in
            var clients: [Connection] = []
            for _ in 0..<30 { clients.append(try await Connection.connect(to: listener.address, on: loop)) }
            // Nobody has sent yet, so no handler ends.
            while live.get().now < 3 { await Task.yield() }
            for client in clients { try await client.send("x") }
            for client in clients {
                #expect(try await client.receive(upTo: 10) == [UInt8(ascii: "x")])
            }
        }
        #expect(live.get().most == 3)
    }

    @Test func errorEndsItsOwnConnectionOnlyAndIsTold() async throws {
        struct Broken: Error {}
        let told = Shared<[String]>([])
        try await serving(
            onError: { error in told.change { $0.append("\(type(of: error))") } },
            handler: { connection in
                let bytes = try await connection.receive(upTo: 10)
                if bytes == Array("break".utf8) { throw Broken() }
                try await connection.send(bytes)
            }
        ) { listener in
            let other = try await Connection.connect(to: listener.address, on: loop)
            let client = try await Connection.connect(to: listener.address, on: loop)
            try await client.send("break")
            #expect(try await client.receive(upTo: 1).isEmpty)
            try await other.send("fine")
            #expect(try await other.receive(upTo: 10) == Array("fine".utf8))
        }
        #expect(told.get() == ["Broken"])
    }

    @Test func connectionIsClosedWhoeverStillHoldsIt() async throws {
        let held = Shared<[Connection]>([])
        try await serving(handler: { connection in held.change { $0.append(connection) } }) { listener in
            let client = try await Connection.connect(to: listener.address, on: loop)
            #expect(try await client.receive(upTo: 1).isEmpty)
        }
        #expect(held.get().map(\.isClosed) == [true])
    }

    @Test func silentPeersAreGivenUp() async throws {
        let errors = Shared<[Errno?]>([])
        try await serving(
            ServeOptions(idleTimeout: .milliseconds(30)),
            onError: { error in errors.change { $0.append((error as? SocketError)?.errno) } }
        ) { listener in
            let client = try await Connection.connect(to: listener.address, on: loop)
            #expect(try await client.receive(upTo: 1).isEmpty)
        }
        #expect(errors.get() == [.timedOut])
    }

    @Test func busyPeersAreGivenUpAtTheTotalTime() async throws {
        try await serving(ServeOptions(idleTimeout: nil, totalTimeout: .milliseconds(50))) { listener in
            let client = try await Connection.connect(to: listener.address, on: loop)
            let error = await failure {
                while true {
                    try await client.send("x")
                    if try await client.receive(upTo: 1).isEmpty { return }
                    try? await loop.sleep(for: .milliseconds(1))
                }
            }
            #expect(error == nil || error?.errno == .connectionReset || error?.errno == .brokenPipe)
        }
    }

    @Test func stoppingLetsHandlersFinish() async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let serving = Task {
            try await listener.serve(.patient) { connection in
                try await connection.send(try await connection.receive(upTo: 10))
                try await connection.send(try await connection.receive(upTo: 10))
            }
        }
        let client = try await Connection.connect(to: listener.address, on: loop)
        try await client.send("one")
        _ = try await client.receive(upTo: 10)
        listener.stop()
        while try await !isRefused(listener.address) { await Task.yield() }
        try await client.send("two")
        #expect(try await client.receive(upTo: 10) == Array("two".utf8))
        try await serving.value
        loop.stop()
    }

    private func isRefused(_ address: SocketAddress) async throws -> Bool {
        await failure { _ = try await Connection.connect(to: address) }?.errno == .connectionRefused
    }

    @Test func handlersThatDoNotFinishAreCancelledAfterTheGrace() async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let reasons = Shared<[SocketError.Reason]>([])
        let serving = Task {
            try await listener.serve(ServeOptions(idleTimeout: nil, grace: .milliseconds(30))) { error, _ in
                if let error = error as? SocketError { reasons.change { $0.append(error.reason) } }
            } handler: { connection in
                try await connection.send("ready")
                _ = try await connection.receive(upTo: 1)
            }
        }
        let client = try await Connection.connect(to: listener.address, on: loop)
        _ = try await client.receive(upTo: 10)
        listener.stop()
        try await serving.value
        #expect(reasons.get() == [.cancelled])
        loop.stop()
    }

    @Test func cancellingTheServerEndsItAndItsHandlers() async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let serving = Task {
            try await listener.serve(.patient) { connection in _ = try await connection.receive(upTo: 1) }
        }
        let client = try await Connection.connect(to: listener.address, on: loop)
        try await client.send("")
        serving.cancel()
        try await serving.value
        #expect(try await isRefused(listener.address))
        loop.stop()
    }

    /// The handler's own task needs no cancellation handler of its own; other tasks that use its connection do.
    @Test func cancellationEndsExactlyTheTasksItIsFor() async throws {
        let listener = try Listener.bind(to: .anyPort, on: loop)
        let reasons = Shared<[SocketError.Reason?]>([])
        let unrelated = Shared<Task<SocketError?, Never>?>(nil)
        let served = Task {
            try await listener.serve(.patient) { connection in
                // A child of the handler, cancelled by it alone.
                let child = await withTaskGroup(of: SocketError?.self) { group in
                    group.addTask { await failure { _ = try await connection.receive(upTo: 1) } }
                    await connection.loop.settle()
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                reasons.change { $0.append(child?.reason) }
                // A task of its own goes on when the handler is cancelled, until the connection is closed.
                unrelated.change { unrelated in
                    unrelated = Task(executorPreference: connection.loop) {
                        await failure { _ = try await connection.receive(upTo: 1) }
                    }
                }
                await connection.loop.settle()
                try await connection.send("ready")
                let own = await failure {
                    while true { try await connection.send([UInt8](repeating: 0, count: 1 << 20)) }
                }
                reasons.change { $0.append(own?.reason) }
            }
        }
        let client = try await Connection.connect(to: listener.address, on: loop)
        #expect(try await client.receive(upTo: 5) == Array("ready".utf8))
        await loop.settle()
        served.cancel()
        try await served.value
        #expect(reasons.get() == [.cancelled, .cancelled])
        #expect(await unrelated.get()?.value?.reason == .closed)
        loop.stop()
    }

    @Test func localhostListensOnBothFamiliesWithOnePort() async throws {
        let listener = try await Listener.bind(toHost: "localhost", port: 0, on: loop)
        let expected = try SocketAddress.resolve(host: "localhost", port: 0)
        #expect(Set(listener.addresses.map(\.family)) == Set(expected.map(\.family)))
        #expect(Set(listener.addresses.map(\.port)).count == 1)
        for address in listener.addresses {
            let client = try await Connection.connect(to: address, on: loop)
            let server = try await listener.accept()
            try await server.send("x")
            #expect(try await client.receive(upTo: 1) == [UInt8(ascii: "x")])
        }
        loop.stop()
    }

    @Test func unixFileIsReplacedOnlyWhenNobodyAnswersAndRemovedAtTheEnd() async throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let address = try SocketAddress(unixPath: path)
        // A server that was killed leaves its file.
        let stale = try Socket.listen(on: address)
        try stale.close()
        let first = try Listener.bind(to: address, on: loop)
        let error = await failure { _ = try Listener.bind(to: address, on: loop) }
        #expect(error?.errno == .addressInUse)
        let client = try await Connection.connect(to: address, on: loop)
        // Whoever looked whether the first still answers has left a connection without a byte.
        #expect(try await first.accept().receive(upTo: 1).isEmpty)
        let server = try await first.accept()
        try await server.send("x")
        #expect(try await client.receive(upTo: 1) == [UInt8(ascii: "x")])
        first.close()
        #expect(unsafe access(path, F_OK) != 0)
        // What is no socket is never removed.
        let file = try FileDescriptor.open(FilePath(path), .writeOnly, options: .create, permissions: .ownerReadWrite)
        try file.close()
        #expect(await failure { _ = try Listener.bind(to: address, on: loop) }?.errno == .addressInUse)
        loop.stop()
    }

    /// Whoever binds waits for the lock; whoever keeps it for ever once kept all others from binding at all.
    @Test func folderThatStaysLockedKeepsNobodyFromBinding() async throws {
        let folder = TemporaryFolder()
        let lock = try FileDescriptor.open(FilePath(folder.path), .readOnly, options: .directory)
        #expect(flock(lock.rawValue, LOCK_EX) == 0)
        let stale = try SocketAddress(unixPath: folder.file("stale"))
        try Socket.listen(on: stale).close()
        // Not replaced: another server may be about to listen on it.
        #expect(await failure { _ = try Listener.bind(to: stale, on: loop) }?.errno == .addressInUse)
        let listener = try Listener.bind(to: SocketAddress(unixPath: folder.file("new")), on: loop)
        listener.close()
        #expect(unsafe access(folder.file("new"), F_OK) != 0)
        try lock.close()
        loop.stop()
    }

    @Test func listenerOfAnotherIsNotRemovedByAnOldOne() async throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let address = try SocketAddress(unixPath: path)
        let old = try Listener.bind(to: address, on: loop)
        #expect(unsafe unlink(path) == 0)
        let new = try Listener.bind(to: address, on: loop)
        old.close()
        #expect(unsafe access(path, F_OK) == 0)
        new.close()
        loop.stop()
    }

    @Test func onlyListeningSocketsAreAdopted() async throws {
        let socket = try Socket(.ipv4, .stream)
        #expect(await failure { _ = try Listener.adopt(try socket.duplicate()) }?.errno == .invalidArgument)
        let listening = try Listener.adopt(try Socket.listen(on: .anyPort), on: loop)
        async let accepted = listening.accept()
        _ = try await Connection.connect(to: listening.address, on: loop)
        _ = try await accepted
        #expect(try Listener.passedBySystemd().isEmpty)
        loop.stop()
    }

    /// Such an error was once taken for one of a connection, and accepting tried again for ever.
    @Test func listenerThatWasShutDownSaysSo() async throws {
        let socket = try Socket.listen(on: .anyPort)
        let listener = try Listener.adopt(try socket.duplicate(), on: loop)
        let waiting = Task { await failure { _ = try await listener.accept() } }
        try socket.shutdown(.receiving)
        #expect(await waiting.value?.errno == .invalidArgument)
        #expect(await failure { try await listener.serve { _ in } }?.errno == .invalidArgument)
        loop.stop()
    }

    @Test func sharedPortIsOptIn() async throws {
        let first = try Listener.bind(to: .anyPort, options: ListenOptions(portSharing: .shared), on: loop)
        let second = try Listener.bind(to: first.address, options: ListenOptions(portSharing: .shared), on: loop)
        #expect(second.address == first.address)
        #expect(await failure { _ = try Listener.bind(to: first.address) }?.errno == .addressInUse)
        loop.stop()
    }

    @Test func twentyThousandConnectionsLeakNoDescriptor() async throws {
        let before = ProcessIdentity.openDescriptors
        try await serving { listener in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask(executorPreference: loop) {
                        for _ in 0..<2500 {
                            let client = try await Connection.connect(to: listener.address, on: loop)
                            try await client.send("x")
                            _ = try await client.receive(upTo: 1)
                            try client.reset()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        // Other tests run beside this one; a leak here would be of thousands.
        #expect(ProcessIdentity.openDescriptors < before + 1000)
    }
}

extension ServeOptions {
    /// Nobody is given up, however long the machine takes over it.
    fileprivate static var patient: ServeOptions { ServeOptions(idleTimeout: nil) }
}
