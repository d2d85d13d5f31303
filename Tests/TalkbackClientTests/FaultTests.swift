// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import TalkbackClient
import Testing

/// The client and servers that misbehave.
@Suite(.timeLimit(.minutes(5)))
struct FaultTests {
    private static let put = "put 1024 0 60 1\r\nx\r\n"

    @Test(
        arguments: [
            ("JOB_TOO_BIG", .jobTooBig), ("DRAINING", .draining), ("OUT_OF_MEMORY", .outOfMemory),
            ("INTERNAL_ERROR", .internalError), ("BURIED 7", .buriedOnPut(7)), ("BAD_FORMAT", .notUnderstood),
            ("UNKNOWN_COMMAND", .notUnderstood), ("EXPECTED_CRLF", .notUnderstood), ("NOT_FOUND", .notFound),
            ("DELETED", .unexpectedReply("deleted")), ("HELLO", .unexpectedReply("\"HELLO\"")),
        ] as [(String, ClientError.Reason)])
    func everyReplyToAPutHasItsReason(reply: String, reason: ClientError.Reason) async throws {
        let limit = "OK 21\r\n---\nmax-job-size: 99\n\r\n"
        let steps: [ScriptedServer.Step] = reason == .jobTooBig ? [.expect("stats\r\n"), .say(limit)] : []
        try await ScriptedServer.talking(
            [[.expect(Self.put), .say(reply + "\r\n")] + steps + [.wait]]
        ) { client async throws in
            let error = await #expect(throws: ClientError.self) { try await client.put("x") }
            #expect(error?.reason == reason)
            #expect(error?.description.hasPrefix("put into tube default: ") == true)
            guard reason == .jobTooBig else { return }
            #expect(error?.explanation.contains("has 1 bytes, and the server takes at most 99") == true)
        }
    }

    /// What listens there is not beanstalkd's kin, whether it says so or not; nobody is left to guess, or to wait.
    @Test(
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n", #"it answered "HTTP/1.1 400 Bad Request""#),
            ("<!DOCTYPE HTML>\n<html>\n", #"it answered "<!DOCTYPE HTML>""#),
            ("\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}F", #"it answered "\x15\x03\x03\x00\x02\x02F""#),
            (nil, "closed the connection without an answer; perhaps it does not speak beanstalkd's protocol"),
        ] as [(String?, String)])
    func serverOfAnotherProtocolIsNamed(answer: String?, words: String) async throws {
        let calls: [(String, String, (Client) async throws -> Void)] = [
            ("put into tube default", Self.put, { try await $0.put("x") }),
            ("submit", "state 0\r\n", { _ = try await $0.submit("x") }),
            ("ask for statistics", "stats\r\n", { _ = try await $0.statistics() }),
            ("reserve from tube default", "reserve-with-timeout 0\r\n", { _ = try await $0.reserve(timeout: .zero) }),
        ]
        for (operation, command, call) in calls {
            let script: [ScriptedServer.Step] = [.expect(command)] + (answer.map { [.say($0), .wait] } ?? [.close])
            // One that closes without a word is tried again, unless the command may have been executed.
            let count = answer != nil || operation.hasPrefix("put") ? 1 : 4
            try await ScriptedServer.talking(Array(repeating: script, count: count)) { client async throws in
                let error = await #expect(throws: ClientError.self) { try await call(client) }
                let text = "\(error.map { "\($0)" } ?? "")"
                #expect(text.hasSuffix(words) && text.contains("\(client.address)"), "\(text)")
                #expect(text.contains("does not speak beanstalkd's protocol"), "\(text)")
                #expect(text.contains("may have been done or not") == (answer == nil && command == Self.put), "\(text)")
            }
        }
    }

    @Test func textNamesTheAddressOnce() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let server = try ScriptedServer(on: loop)
        server.listener.close()
        let error = await #expect(throws: ClientError.self) { try await Client.connect(to: server.address) }
        #expect(
            "\(error.map { "\($0)" } ?? "")"
                == "connect to \(server.address): Connection refused (ECONNREFUSED): no server listens there")
    }

    @Test func replyMayComeByteByByte() async throws {
        let reply = "INSERTED 12\r\n".map { ScriptedServer.Step.say(String($0)) }
        try await ScriptedServer.talking([[.expect(Self.put)] + reply + [.wait]]) { client async throws in
            #expect(try await client.put("x") == 12)
        }
    }

    @Test func putIsNeverRepeated() async throws {
        try await ScriptedServer.talking([
            [.expect(Self.put), .close], [.expect("peek 1\r\n"), .say("NOT_FOUND\r\n"), .wait],
        ]) {
            client async throws in
            let error = await #expect(throws: ClientError.self) { try await client.put("x") }
            guard case .outcomeUnknown = error?.reason else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await client.peek(1) == nil)
        }
    }

    @Test func whatChangesNothingIsRepeated() async throws {
        try await ScriptedServer.talking([
            [.expect("peek 1\r\n"), .close], [.expect("peek 1\r\n"), .say("FOUND 1 "), .close],
            [.expect("peek 1\r\n"), .say("FOUND 1 2\r\nab\r\n"), .wait],
        ]) { client async throws in
            #expect(try await client.peek(1)?.text == "ab")
        }
    }

    @Test func jobIsLostWithItsConnection() async throws {
        try await ScriptedServer.talking([
            [.expect("reserve-with-timeout 0\r\n"), .say("RESERVED 1 1\r\nx\r\n"), .close],
            [.expect("reserve-with-timeout 0\r\n"), .say("TIMED_OUT\r\n"), .wait],
        ]) { client async throws in
            let job = try await client.reserve()
            #expect(try await client.reserve(timeout: .zero) == nil)
            for command in [{ try await job.touch() }, { try await job.delete() }] as [() async throws -> Void] {
                let error = await #expect(throws: ClientError.self) { try await command() }
                #expect(error?.reason == .jobLost)
            }
        }
    }

    @Test func deleteWithoutAReplyIsUnknown() async throws {
        try await ScriptedServer.talking([
            [.expect("reserve-with-timeout 0\r\n"), .say("RESERVED 1 1\r\nx\r\n"), .expect("delete 1\r\n"), .close]
        ]) { client async throws in
            let job = try await client.reserve()
            let error = await #expect(throws: ClientError.self) { try await job.delete() }
            guard case .outcomeUnknown = error?.reason else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func silentServerIsGivenUp() async throws {
        let options = ClientOptions(replyTimeout: .seconds(20))
        try await ScriptedServer.talking(
            [[.expect(Self.put), .wait], [.expect("peek 1\r\n"), .say("NOT_FOUND\r\n"), .wait]], options
        ) { client async throws in
            let error = await #expect(throws: ClientError.self) { try await client.put("x") }
            guard case .outcomeUnknown(let cause) = error?.reason else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(cause?.errno == .timedOut)
            // The late reply cannot be taken for the next command's.
            #expect(try await client.peek(1) == nil)
        }
    }

    @Test func nothingIsPutIntoATubeThatIsRefused() async throws {
        try await ScriptedServer.talking([
            [.expect("use a\r\n"), .say("OUT_OF_MEMORY\r\n"), .silence],
            [.expect(Self.put), .say("INSERTED 1\r\n"), .wait],
        ]) { client async throws in
            let error = await #expect(throws: ClientError.self) { try await client.put("x", into: "a") }
            #expect(error?.reason == .outOfMemory)
            #expect(try await client.put("x") == 1)
        }
    }

    @Test func nothingIsReservedFromTubesThatAreRefused() async throws {
        try await ScriptedServer.talking([
            [.expect("watch a\r\nignore default\r\n"), .say("WATCHING 2\r\nNOT_IGNORED\r\n"), .silence]
        ]) { client async throws in
            await #expect(throws: ClientError.self) { try await client.reserve(from: ["a"], timeout: .zero) }
        }
    }

    @Test func jobThatComesAgainIsNotTheOldOne() async throws {
        try await ScriptedServer.talking([
            [
                .expect("reserve-with-timeout 0\r\n"), .say("RESERVED 1 1\r\nx\r\n"),
                .expect("reserve-with-timeout 0\r\n"), .say("RESERVED 1 1\r\nx\r\n"), .expect("touch 1\r\n"),
                .say("TOUCHED\r\n"), .expect("delete 1\r\n"), .say("DELETED\r\n"), .silence,
            ]
        ]) { client async throws in
            var old: ReservedJob? = try await client.reserve()
            let new = try await client.reserve()
            let error = await #expect(throws: ClientError.self) { try await old?.delete() }
            #expect(error?.reason == .jobLost)
            // Letting go of it gives nothing back.
            old = nil
            try await new.touch()
            try await new.delete()
        }
    }

    @Test func serverThatEndsEveryConnectionIsNotAskedWithoutAPause() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let server = try ScriptedServer(on: loop)
        let client = try Client(server.address, options: ClientOptions(patience: .seconds(1)))
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                var count = 0
                while let connection = try? await server.listener.accept() {
                    connection.close()
                    count += 1
                }
                return count
            }
            await #expect(throws: ClientError.self) { try await client.peek(1) }
            server.listener.close()
            return try await group.next() ?? 0
        }
        #expect((1...30).contains(count), "\(count)")
        await client.close()
    }

    @Test func earlierDeadlineIsKeptBehindALaterOne() async throws {
        let options = ClientOptions(replyTimeout: .seconds(20))
        try await ScriptedServer.talking(
            [
                [.expect("reserve-with-timeout 0\r\n"), .say("TIMED_OUT\r\n"), .wait],
                [.expect("reserve-with-timeout "), .say("RESERVED 1 1\r\nx\r\n"), .wait],
            ], options
        ) { client async throws in
            let job = try #require(try await client.reserve(timeout: .seconds(1000)))
            let start = ContinuousClock.now
            await #expect(throws: ClientError.self) { try await job.delete() }
            #expect(start.duration(to: .now) < .seconds(250))
        }
    }

    @Test func replyThatNobodyAskedForEndsTheConnection() async throws {
        try await ScriptedServer.talking([
            [.expect("peek 1\r\n"), .say("NOT_FOUND\r\nNOT_FOUND\r\n"), .wait],
            [.expect("peek 2\r\n"), .say("FOUND 2 0\r\n\r\n"), .wait],
        ]) { client async throws in
            #expect(try await client.peek(1) == nil)
            #expect(try await client.peek(2)?.id == 2)
        }
    }

    @Test func absentServerIsAnErrorAtOnceOrAfterAWhile() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let server = try ScriptedServer(on: loop)
        let address = server.address
        server.listener.close()
        let refused = await #expect(throws: ClientError.self) { try await Client.connect(to: address) }
        guard case .cannotConnect(let cause) = refused?.reason else {
            Issue.record("\(String(describing: refused))")
            return
        }
        #expect(cause.errno == .connectionRefused)
        #expect(refused?.description.contains("Connection refused") == true)
        let client = try Client(address, options: ClientOptions(patience: .milliseconds(300)))
        let start = ContinuousClock.now
        let later = await #expect(throws: ClientError.self) { try await client.put("x") }
        #expect(start.duration(to: .now) >= .milliseconds(300))
        guard case .cannotConnect = later?.reason else {
            Issue.record("\(String(describing: later))")
            return
        }
        let reserve = await #expect(throws: ClientError.self) { try await client.reserve() }
        guard case .cannotConnect = reserve?.reason else {
            Issue.record("\(String(describing: reserve))")
            return
        }
    }

    @Test func serverThatComesBackIsFound() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let first = try ScriptedServer(on: loop)
        let address = first.listener.address
        first.listener.close()
        let client = try Client(ServerAddress(address))
        async let id = client.put("x")
        try await loop.sleep(for: .milliseconds(100))
        let listener = try Listener.bind(to: address, on: loop)
        let connection = try await listener.accept()
        _ = try await connection.receive(upTo: 100)
        try await connection.send("INSERTED 5\r\n")
        let given = try await id
        #expect(given == 5)
        await client.close()
    }
}
