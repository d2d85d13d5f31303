// SPDX-License-Identifier: Apache-2.0

import BeanstalkProtocol
import Testing

/// The wire as a client sees it: commands to bytes, bytes to replies.
@Suite(.timeLimit(.minutes(5)))
struct ClientSideTests {
    /// What some pieces of a stream are, and the error that ends them.
    private static func parse(_ pieces: [[UInt8]]) -> ([Reply], ReplyError?) {
        var parser = ReplyParser()
        var replies: [Reply] = []
        do throws(ReplyError) {
            for piece in pieces {
                var position = 0
                while let reply = try parser.next(piece.span, &position) { replies.append(reply) }
                #expect(position == piece.count)
            }
        } catch {
            return (replies, error)
        }
        let isInTheMiddle = parser.isInTheMiddle
        #expect(!isInTheMiddle)
        return (replies, nil)
    }

    private static func replies() throws -> [Reply] {
        let tube = try #require(TubeName("a.b(c)"))
        return [
            .inserted(.max), .buriedOnPut(7), .expectedCRLF, .jobTooBig, .draining, .using(tube),
            .reserved(1, body: Array("RESERVED 2 2\r\n\r\n".utf8)), .reserved(2, body: []), .deadlineSoon, .timedOut,
            .deleted, .released, .buried, .touched, .watching(3), .notIgnored, .found(9, body: [0, 13, 10, 255]),
            .kicked(0), .kickedJob, .paused, .ok(Array("---\na: 1\n".utf8)), .notFound, .outOfMemory, .internalError,
            .badFormat, .unknownCommand, .finished, .cancelled, .tooLate, .tooBig,
        ]
            + StoredState.allCases.map { .insertedBefore(12, $0) }
            + JobReport.State.allCases.map {
                .state(
                    JobReport(
                        id: 1, state: $0, attempt: .max, attempts: 5, seconds: 3, percent: 100, data: [13, 10, 0, 255]))
            }
            + DescribedJob.State.allCases.map {
                .described(
                    DescribedJob(
                        id: .max, tube: tube, state: $0, age: 1, timeLeft: 2, priority: .max, delay: 4, timeToRun: 5,
                        tags: [
                            .unique(tube, seconds: 6), .keep(seconds: 7), .attempts(8), .backoff(first: 9, most: 10),
                            .leaseOfConnection, .tried(11),
                            .counts(
                                TransitionCounts(reserves: 12, timeouts: 13, releases: 14, buries: 15, kicks: .max)),
                        ], reason: [13, 10, 0, 255]))
            }
            + [
                .described(
                    DescribedJob(
                        id: 0, tube: tube, state: .ready, age: 0, timeLeft: 0, priority: 0, delay: 0, timeToRun: 1))
            ]
    }

    /// A later server may have more to say.
    @Test(arguments: ["later:1 tried:2", "tried:2 later:a:b", "later:1 tried:2 later:3", "keep:x tried:2"])
    func unknownTagsOfADescriptionArePassedOver(tags: String) {
        let (replies, error) = Self.parse([Array("DESCRIBED 1 t ready 0 0 0 0 1 0 \(tags)\r\n\r\n".utf8)])
        guard case .described(let job)? = replies.first else {
            Issue.record("\(replies) \(error as Any)")
            return
        }
        #expect(job.tags == [.tried(2)])
    }

    @Test func everyReplyIsReadAsItWasWritten() throws {
        let replies = try Self.replies()
        var bytes: [UInt8] = []
        for reply in replies { bytes.append(reply) }
        #expect(Self.parse([bytes]).0 == replies)
        #expect(Self.parse(bytes.map { [$0] }).0 == replies)
        for cut in bytes.indices { #expect(Self.parse([Array(bytes[..<cut]), Array(bytes[cut...])]).0 == replies) }
    }

    @Test(arguments: [
        "HELLO", "", "INSERTED", "INSERTED x", "INSERTED 18446744073709551616", "INSERTED 1 2", "INSERTED 1 READY ",
        "DELETED ",
        "STATE 1 done 1 0 2 3", "STATE 1 over 1 0 2 3 0", "STATE 1 done 1 0 2 101 0", "STATE x done 1 0 2 3 0",
        "FINISHED 1", "DESCRIBED 1 t ready 0 0 0 0 1", "DESCRIBED 1 t over 0 0 0 0 1 0",
        "DESCRIBED 1 t ready 0 0 0 0 1 0 x",
        "DESCRIBED 1  ready 0 0 0 0 1 0",
        "RESERVED 1",
        "RESERVED 1 1073741825", "USING ", "USING two words", "KICKED -1", "OK", "WATCHING x",
    ])
    func whatIsNoReplyIsAnError(line: String) {
        let error = Self.parse([Array("DELETED\r\n\(line)\r\nDELETED\r\n".utf8)])
        #expect(error.0 == [.deleted])
        #expect(error.1?.description == "\"\(line)\"")
    }

    @Test func lineWithoutAnEndIsAnError() {
        let (replies, error) = Self.parse([[UInt8](repeating: 65, count: 500), [UInt8](repeating: 65, count: 600)])
        #expect(replies.isEmpty)
        #expect(error?.line.count == 160)
        #expect(error?.description.hasPrefix("\"AAAA") == true)
    }

    /// What other servers say, which may wait for more than that before they end the connection.
    @Test(arguments: [
        ("<!DOCTYPE HTML>\n<html lang=\"en\">", "<!DOCTYPE HTML>"), ("HTTP/1.0 400\n", "HTTP/1.0 400"),
        ("220 mail.example ESMTP\r\n", "220 mail.example ESMTP"), ("-ERR unknown command\r\n", "-ERR unknown command"),
        ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F", "\\x15\\x03\\x01\\x00\\x02\\x02F"), ("J\0\0\0", "J\\x00\\x00\\x00"),
        ("\n", ""),
    ])
    func anotherProtocolIsKnownBeforeItsLineEnds(text: String, shown: String) {
        #expect(Self.parse([Array(text.utf8)]).1?.description == "\"\(shown)\"")
        #expect(Self.parse(text.utf8.map { [$0] }).1 != nil)
    }

    @Test func bodyWithoutItsEndIsAnError() {
        #expect(Self.parse([Array("FOUND 1 2\r\nabc\r\n".utf8)]).1 != nil)
    }

    @Test func anythingIsReadWithoutATrap() {
        var state: UInt64 = 11
        let words = ["OK ", "FOUND ", "1 ", "2", "\r\n", "\r", "\n", "KICKED", "RESERVED 1 ", "ab", "DELETED\r\n", " "]
        for _ in 0..<20_000 {
            var parser = ReplyParser()
            var bytes: [UInt8] = []
            for _ in 0..<8 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes += Array(words[Int(state >> 33) % words.count].utf8)
            }
            var position = 0
            do throws(ReplyError) {
                while try parser.next(bytes.span, &position) != nil {}
                #expect(position == bytes.count)
            } catch {
                #expect(position <= bytes.count)
            }
        }
    }

    @Test(arguments: ParserTests.canonicalCommands)
    func everyCommandIsReadAsItWasWritten(command: Command) {
        var bytes: [UInt8] = []
        bytes.append(command)
        var parser = CommandParser(maximumJobSize: 1000)
        var position = 0
        let input = parser.next(bytes.span, &position)
        #expect(input == .command(command))
    }

    @Test func putCarriesItsBody() {
        var bytes: [UInt8] = []
        bytes.append(PutHeader(priority: 1, delay: 2, timeToRun: 3, byteCount: 4), body: Array("\r\n\r\n".utf8))
        #expect(bytes == Array("put 1 2 3 4\r\n\r\n\r\n\r\n".utf8))
    }

    @Test func textIsReadAsItWasWritten() throws {
        var text = YAML()
        text.add("id", 5)
        text.add("tube", quoted: "a b")
        text.add("state", unquoted: "ready")
        let fields = try #require(YAML.fields(of: text.bytes))
        #expect(fields.map(\.key) == ["id", "tube", "state"])
        #expect(fields.map(\.value) == ["5", "a b", "ready"])
        var list = YAML()
        list.add(element: Array("default".utf8))
        list.add(element: Array("a".utf8))
        #expect(YAML.list(of: list.bytes) == ["default", "a"])
        #expect(YAML.list(of: text.bytes) == nil)
        #expect(YAML.fields(of: list.bytes) == nil)
        #expect(YAML.fields(of: Array("a: 1\n".utf8)) == nil)
    }
}
