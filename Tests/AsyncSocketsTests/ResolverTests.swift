// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TestSupport
import Testing

@testable import AsyncSockets

/// Names, and who waits for whom. The name server that does not answer is made up, as a real one is the system's to
/// choose.
@Suite(.timeLimit(.minutes(5)))
struct ResolverTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    /// A system whose name server answers only when it is told to, and whose hosts file has one name.
    private final class SilentNameServer: Sendable {
        private let answers = DispatchSemaphore(value: 0)
        /// How many names it was asked for.
        let questions = Shared(0)

        func resolver(threadLimit: Int) -> Resolver {
            Resolver(
                uncheckedThreadLimit: threadLimit, isLocal: { $0 == "near" },
                lookUp: { name, port throws(SocketError) in
                    if name != "near" {
                        self.questions.change { $0 += 1 }
                        self.answers.wait()
                    }
                    return [.ipv4(.loopback, port: port)]
                })
        }

        func answer(_ count: Int) {
            for _ in 0..<count { answers.signal() }
        }
    }

    @Test func namesThatAreNearDoNotWaitForThoseThatAreFar() async throws {
        let server = SilentNameServer()
        let resolver = server.resolver(threadLimit: 2)
        await withTaskGroup(of: SocketError?.self) { group in
            for number in 0..<20 {
                group.addTask {
                    await failure { _ = try await resolver.addresses(of: "far\(number)", port: 1, on: loop) }
                }
            }
            while server.questions.get() < 2 { await Task.yield() }
            for _ in 0..<10 {
                let near = try? await resolver.addresses(of: "near", port: 7, timeout: .seconds(60), on: loop)
                #expect(near == [.ipv4(.loopback, port: 7)])
                let literal = try? await resolver.addresses(of: "127.1", port: 7, timeout: .zero, on: loop)
                #expect(literal == [.ipv4(.loopback, port: 7)])
            }
            #expect(server.questions.get() == 2)
            server.answer(20)
            for await error in group { #expect(error == nil) }
        }
        #expect(server.questions.get() == 20)
        loop.stop()
    }

    /// Each has its own, from when it began, and one that is over takes no thread from the others.
    @Test func deadlineIsTheLookupsOwn() async throws {
        let server = SilentNameServer()
        let resolver = server.resolver(threadLimit: 1)
        async let first = resolver.addresses(of: "first", port: 1, on: loop)
        while server.questions.get() < 1 { await Task.yield() }
        let begin = ContinuousClock.now
        let late = await failure {
            _ = try await resolver.addresses(of: "late", port: 1, timeout: .milliseconds(20), on: loop)
        }
        #expect(late == SocketError(.resolve, .system(.timedOut), subject: .text("late")))
        #expect(ContinuousClock.now - begin >= .milliseconds(20))
        let cancelled = Task {
            await failure { _ = try await resolver.addresses(of: "cancelled", port: 1, on: loop) }
        }
        cancelled.cancel()
        #expect(await cancelled.value == SocketError(.resolve, .cancelled, subject: .text("cancelled")))
        // One answer for the first and one for the last: nobody asks for those in between.
        async let last = resolver.addresses(of: "last", port: 2, on: loop)
        server.answer(2)
        #expect(try await first == [.ipv4(.loopback, port: 1)])
        #expect(try await last == [.ipv4(.loopback, port: 2)])
        #expect(server.questions.get() == 2)
        loop.stop()
    }

    @Test func connectionsUseTheResolverThatTheyAreGiven() async throws {
        let listener = try await Listener.bind(
            toHost: "near", port: 0, on: loop, resolver: SilentNameServer().resolver(threadLimit: 1))
        let port = try #require(listener.address.port)
        _ = try await Connection.connect(
            toHost: "near", port: port, on: loop, resolver: SilentNameServer().resolver(threadLimit: 1))
        loop.stop()
    }

    @Test(arguments: [Int.min, -1, 0, 1025, Int.max])
    func numberOfThreadsIsChecked(number: Int) throws {
        let error = #expect(throws: SocketError.self) { _ = try Resolver(threadLimit: number) }
        #expect(error?.reason == .invalid(.outOfRange))
        #expect(try Resolver(threadLimit: 1).threadLimit == 1)
        #expect(Resolver.shared.threadLimit == 16)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("::1", true), ("fe80::1%lo", true), ("127.1", true), ("0x7f000001", true),
        ("2130706433", true),
        ("localhost", false), ("1.2.3.4.5", false), ("1.2.3.4 name", false), ("example%lo", false), ("face", false),
        ("", false),
    ])
    func literalsAreThoseThatNobodyIsAskedFor(host: String, isLiteral: Bool) {
        #expect(HostLiteral.isLiteral(host) == isLiteral)
    }

    @Test func hostsFileIsReadAsTheSystemReadsIt() throws {
        let folder = TemporaryFolder()
        let path = folder.file("hosts")
        let filling = String(repeating: "# a comment, of which there are many\n", count: 4000)
        try
            (filling
            + "127.0.0.1\tlocalhost  Alias# commented\n::1 six\r\n# 127.0.0.1 hidden\n\n"
            + "  10.0.0.1 indented\n10.0.0.2 last")
            .write(toFile: path, atomically: false, encoding: .utf8)
        let file = HostsFile(path: path)
        for name in ["localhost", "LOCALHOST", "alias", "six", "indented", "last"] {
            #expect(file.hasName(name), "\(name)")
        }
        for name in ["127.0.0.1", "local", "localhost.", "commented", "hidden", "las", "lasts", "many", "", "#"] {
            #expect(!file.hasName(name), "\(name)")
        }
        #expect(!HostsFile(path: folder.file("missing")).hasName("localhost"))
    }
}
