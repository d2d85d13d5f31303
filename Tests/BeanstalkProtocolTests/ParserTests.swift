// SPDX-License-Identifier: Apache-2.0

import BeanstalkProtocol
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ParserTests {
    typealias Input = CommandParser.Input

    /// Everything that some pieces of a stream are.
    private static func parse(_ pieces: [[UInt8]], maximumJobSize: Int = 100) -> [Input] {
        var parser = CommandParser(maximumJobSize: maximumJobSize)
        var inputs: [Input] = []
        for piece in pieces {
            var position = 0
            while let input = parser.next(piece.span, &position) { inputs.append(input) }
            #expect(position == piece.count)
        }
        return inputs
    }

    private static func parse(_ text: String, maximumJobSize: Int = 100) -> [Input] {
        parse([Array(text.utf8)], maximumJobSize: maximumJobSize)
    }

    private static func tube(_ name: String) throws -> TubeName { try #require(TubeName(name)) }

    // MARK: Lines

    /// Made anew each time: an enumeration hides its tag in the pointer to a text, where LeakSanitizer does not see it.
    static var commands: [(String, Command)] {
        [
            ("reserve", .reserve),
            ("reserve-with-timeout 0", .reserveWithTimeout(0)),
            ("reserve-with-timeout   2147483647", .reserveWithTimeout(2_147_483_647)),
            ("reserve-job 7", .reserveJob(7)),
            ("delete 0", .delete(0)),
            ("delete 18446744073709551615", .delete(.max)),
            ("delete 00012", .delete(12)),
            ("release 3 4294967295 5", .release(3, priority: .max, delay: 5)),
            ("release  3   4  5", .release(3, priority: 4, delay: 5)),
            ("bury 3 4", .bury(3, priority: 4)),
            ("touch 9", .touch(9)),
            ("peek   1", .peek(1)),
            ("peek-ready", .peekReady),
            ("peek-delayed", .peekDelayed),
            ("peek-buried", .peekBuried),
            ("kick 10", .kick(10)),
            ("kick 5000000000", .kick(705_032_704)),
            ("kick 5 and more", .kick(5)),
            ("kick-job 1", .kickJob(1)),
            ("stats", .stats),
            ("stats-job 1", .statsJob(1)),
            ("list-tubes", .listTubes),
            ("list-tube-used", .listTubeUsed),
            ("list-tubes-watched", .listTubesWatched),
            ("quit", .quit),
            ("progress 7 0", .progress(7, percent: 0, text: [])),
            ("progress 7 100 ", .progress(7, percent: 100, text: [])),
            ("progress  7  42  page 3 of 7 ", .progress(7, percent: 42, text: Array(" page 3 of 7 ".utf8))),
            ("progress 7 1 \r第三页\n", .progress(7, percent: 1, text: Array("\r第三页\n".utf8))),
            ("state 7", .state(7)),
            ("wait 7 4294967295", .wait(7, seconds: .max)),
            ("follow 18446744073709551615 0", .follow(.max, seconds: 0)),
            ("cancel 7", .cancel(7)),
            ("describe-job 18446744073709551615", .describeJob(.max)),
        ]
    }

    /// Commands that a body follows, but for those of beanstalkd.
    static var commandsWithBodies: [(String, Command)] {
        [
            ("finish 7 100", .finish(7, byteCount: 100)),
            ("fail 7 4294967295 100", .fail(7, .after(.max, attempts: 0), byteCount: 100)),
            ("fail 7 0:5 100", .fail(7, .after(0, attempts: 5), byteCount: 100)),
            ("fail 7 never 100", .fail(7, .never, byteCount: 100)),
            ("put 0 1 2 100 idp:a", tagged(unique("a", 0))),
            ("put 0 1 2 100 idp:a-/(1):9", tagged(unique("a-/(1)", 9))),
            ("put 0 1 2 100 keep:0", tagged(.keep(seconds: 0))),
            ("put 0 1 2 100 keep:4294967295", tagged(.keep(seconds: .max))),
            ("put 0 1 2 100 attempts:1", tagged(.attempts(1))),
            ("put 0 1 2 100 backoff:5", tagged(.backoff(first: 5, most: 5))),
            ("put 0 1 2 100 backoff:5:60", tagged(.backoff(first: 5, most: 60))),
            ("put 0 1 2 100 backoff:5:4", tagged(.backoff(first: 5, most: 5))),
            ("put 0 1 2 100 lease:connection", tagged(.leaseOfConnection)),
            ("put 0 1 2 100 tried:0", tagged(.tried(0))),
            ("put 0 1 2 100 tried:4294967295", tagged(.tried(.max))),
            (
                "put 0 1 2 100 counts:1:2:3:4:4294967295",
                tagged(.counts(TransitionCounts(reserves: 1, timeouts: 2, releases: 3, buries: 4, kicks: .max)))
            ),
            ("put 0 1 2 100 state:buried", tagged(.buried)),
            ("put 0 1 2 100 reason:100 state:buried", tagged(.reason(byteCount: 100), .buried)),
            (
                "put 0 1 2 100 attempts:3 lease:connection backoff:1:2 keep:7",
                tagged(.attempts(3), .leaseOfConnection, .backoff(first: 1, most: 2), .keep(seconds: 7))
            ),
        ]
    }

    private static func tagged(_ tags: PutTag...) -> Command {
        .put(PutHeader(priority: 0, delay: 1, timeToRun: 2, byteCount: 100, tags: tags))
    }

    private static func unique(_ key: String, _ seconds: UInt32) -> PutTag {
        .unique(TubeName(key) ?? .default, seconds: seconds)
    }

    @Test(arguments: commandsWithBodies)
    func lineIsACommandThatABodyFollows(line: String, command: Command) {
        let body = [UInt8](repeating: 10, count: 100)
        let bytes = Array((line + "\r\n").utf8) + body + Array("\r\n".utf8)
        #expect(Self.parse([bytes]) == [.command(command), .body(body)])
        #expect(Self.parse(bytes.map { [$0] }) == [.command(command), .body(body)])
        var again: [UInt8] = []
        again.append(command, body: body)
        #expect(Self.parse([again]) == [.command(command), .body(body)])
    }

    @Test(
        arguments: [
            "idp:", "idp:-a", "idp:a:", "idp:a:x", "idp:a:b:1", "idp:a,b", "idp:\(String(repeating: "k", count: 201))",
            "keep:", "keep: 1", "keep:-1", "keep:4294967296", "keep:1 keep:1", "keep:1 idp:a idp:b", "attempts:0",
            "attempts:", "backoff:", "backoff:1:", "backoff:1:2:3", "lease:", "lease:connections", "lease:connection ",
            "tried:", "tried:-1", "tried:1 tried:1", "counts:", "counts:1:2:3:4", "counts:1:2:3:4:5:6",
            "counts:1:2::4:5",
            "state:", "state:ready", "state:buriedly", "reason:", "reason:10", "reason:4097", "reason:4294967296",
            "grp:a", "x:", "keep:1  attempts:1", "keep:1 attempts", "idp:a\tkeep:1",
        ])
    func bodyOfAPutWithWrongTagsIsNoCommand(tags: String) {
        let lines = "put 0 0 1 9 \(tags)\r\nstats\r\nxx\r\nreserve\r\n"
        #expect(Self.parse(lines) == [.error(.badFormat), .command(.reserve)])
        #expect(Self.parse(lines.utf8.map { [$0] }) == [.error(.badFormat), .command(.reserve)])
    }

    /// What comes before the body is not of the job.
    @Test(arguments: [(100, 0), (100, 1), (4096, 1), (50, 50), (50, 101), (101, 0), (4096, 0)])
    func reasonDoesNotMakeAJobTooBig(reason: Int, room: Int) {
        let size = 100 + reason - room
        let line = Array("put 0 0 1 \(size) reason:\(reason)\r\n".utf8)
        let body = [UInt8](repeating: 10, count: size)
        let inputs = Self.parse([line + body + Array("\r\n".utf8)])
        let isWrong = reason > size
        #expect(inputs.last == (isWrong ? .error(.badFormat) : .body(body)))
        let larger = Array("put 0 0 1 \(101 + reason) reason:\(reason)\r\n".utf8)
        #expect(
            Self.parse([larger + [UInt8](repeating: 10, count: 101 + reason) + Array("\r\nstats\r\n".utf8)])
                == [.jobTooBig, .command(.stats)])
    }

    @Test func longestKeyFitsIntoALine() throws {
        let key = String(repeating: "k", count: 200)
        let line =
            "put 4294967295 4294967295 4294967295 4097 idp:\(key):4294967295 keep:4294967295 attempts:4294967295 "
            + "backoff:4294967295:4294967295 lease:connection tried:4294967295 "
            + "counts:4294967295:4294967295:4294967295:4294967295:4294967295 state:buried reason:4096\r\nx\r\n"
        guard case .command(.put(let header))? = Self.parse(line, maximumJobSize: 1).first else {
            Issue.record("no put")
            return
        }
        #expect(header.tags.count == 9 && header.tags.first == .unique(try Self.tube(key), seconds: .max))
    }

    @Test(arguments: [511, 512, 513, 514, 5000])
    func longLinesHaveAnEndToo(length: Int) {
        for start in ["progress 1 2 ", "put 0 0 1 1 x"] {
            let line = start + String(repeating: "x", count: length - 2 - start.utf8.count) + "\r\n"
            let isReport = length <= CommandParser.maximumLongLineLength && start.hasPrefix("pr")
            for pieces in [[Array((line + "stats\r\n").utf8)], (line + "stats\r\n").utf8.map { [$0] }] {
                let inputs = Self.parse(pieces)
                #expect(inputs.count == 2 && inputs.last == .command(.stats))
                #expect((inputs.first == .error(.badFormat)) == !isReport)
            }
        }
    }

    @Test func tooBigAResultIsSkipped() {
        for (line, limit) in [("finish 1", 1 << 20), ("fail 1 never", 4096), ("fail 1 9", 4096)] {
            for (size, isTaken) in [(limit, true), (limit + 1, false)] {
                let inputs = Self.parse("\(line) \(size)\r\n\(String(repeating: "\n", count: size))\r\nstats\r\n")
                #expect(inputs.last == .command(.stats))
                #expect(inputs.count == (isTaken ? 3 : 2) && (inputs[0] == .outcomeTooBig) == !isTaken)
            }
        }
    }

    /// Each command once, and those with a tube.
    static var canonicalCommands: [Command] {
        let names = ["a", "+/;.$_()", String(repeating: "t", count: 200)].compactMap { TubeName($0) }
        return commands.map(\.1)
            + names.flatMap { [.use($0), .watch($0), .ignore($0), .statsTube($0), .pauseTube($0, .max)] }
            + [.put(PutHeader(priority: .max, delay: .max, timeToRun: .max, byteCount: 1000))]
    }

    @Test(arguments: commands)
    func lineIsACommand(line: String, command: Command) {
        #expect(Self.parse(line + "\r\n") == [.command(command)])
    }

    @Test func tubesAreNamed() throws {
        let long = String(repeating: "x", count: 200)
        for name in ["default", "a", "A-Za-z0-9+/;.$_()", long] {
            let tube = try Self.tube(name)
            #expect(Self.parse("use \(name)\r\n") == [.command(.use(tube))])
            #expect(Self.parse("watch \(name)\r\n") == [.command(.watch(tube))])
            #expect(Self.parse("ignore \(name)\r\n") == [.command(.ignore(tube))])
            #expect(Self.parse("stats-tube \(name)\r\n") == [.command(.statsTube(tube))])
            #expect(Self.parse("pause-tube \(name) 4294967295\r\n") == [.command(.pauseTube(tube, .max))])
            #expect(Self.parse("pause-tube   \(name.prefix(100))   5\r\n").count == 1)
        }
    }

    static let badFormats = [
        "reserve ", "reservexyz", "reserve-with-timeout", "reserve-with-timeout x", "reserve-with-timeout -1",
        "reserve-with-timeout 2147483648", "reserve-with-timeout 1 ", "delete x", "delete -1", "delete +1", "delete 5 ",
        "delete 5x", "delete 18446744073709551616", "release 1", "release 1 2", "release 1 2 3 ", "release 1 2 x",
        "bury 1", "bury 1 4294967296", "touch ", "peek ", "peek-readyx", "kick x", "kick -1",
        "kick 99999999999999999999999", "statsx", "stats-foo", "stats-tube ", "list-tubes-foo", "list-tubes ", "use ",
        "use  foo", "use foo ", "use -foo", "use a:b", "use a b", "watch ,", "ignore @", "stats-tube é",
        "pause-tube foo", "pause-tube foo x", "pause-tube foo 1 ", "pause-tube  1", "put 0 0 1", "put 0 0 1 x",
        "put 1a0 0 1 1", "put -1 0 1 1", "put 0 0 1 4294967296", "put 0 0 1 1 ", "put 0 0 1 1 1", "quitting", "a\0b",
        "\0", "progress 1", "progress x 1", "progress 1 101", "progress 1 256", "progress 1 -1", "progress 1 5%",
        "progress 1 2\tx", "finish 1", "finish 1 x", "finish 1 2 3", "fail 1 2", "fail 1 never", "fail 1 ever 2",
        "fail 1 never x", "fail 1 2: 3", "fail 1 2:x 3", "fail 1 2:3:4 5", "fail 1 :2 3", "fail 1 2 3 4", "state ",
        "state x", "state 1 ", "wait 1", "wait 1 4294967296", "wait 1 2 3",
        "follow 1", "follow 1 x", "cancel x", "cancel 1 2", "use \(String(repeating: "x", count: 201))",
    ]

    @Test(arguments: badFormats)
    func lineIsABadFormat(line: String) {
        #expect(Self.parse(line + "\r\n") == [.error(.badFormat)])
    }

    static let unknown = [
        "", " reserve", "RESERVE", "put", "kick", "delete", "use", "peek", "stat", "list-tube", "pause-tube",
        "touch\t1",
        "qui", "1", "é", "reserv", "progress", "finish", "fail", "state", "wait", "follow", "cancel", "Cancel 1",
    ]

    @Test(arguments: unknown)
    func lineIsUnknown(line: String) {
        #expect(Self.parse(line + "\r\n") == [.error(.unknownCommand)])
    }

    @Test(arguments: ["\n", "\r", "stats\n", "stats\rx", "stats\n\r"])
    func nothingElseEndsALine(text: String) {
        #expect(Self.parse(text).isEmpty)
        #expect(Self.parse(text + "\r\n").count == 1)
    }

    @Test(arguments: [222, 223, 224, 225, 226, 448, 449, 450, 10_000])
    func tooLongALineIsOneErrorAndEndsWhereItEnds(length: Int) {
        let line = "use " + String(repeating: "x", count: length - 6) + "\r\n"
        #expect(Self.parse(line + "reserve\r\n") == [.error(.badFormat), .command(.reserve)])
        #expect(Self.parse((line + "reserve\r\n").utf8.map { [$0] }) == [.error(.badFormat), .command(.reserve)])
    }

    @Test func longestLineIsRead() throws {
        let line = "pause-tube \(String(repeating: "x", count: 200)) 4294967295\r\n"
        #expect(line.utf8.count == CommandParser.maximumLineLength)
        #expect(Self.parse(line) == [.command(.pauseTube(try Self.tube(String(repeating: "x", count: 200)), .max))])
    }

    // MARK: Bodies

    @Test func bodyFollowsItsPut() {
        let header = PutHeader(priority: 1, delay: 2, timeToRun: 3, byteCount: 5)
        #expect(
            Self.parse("put 1 2 3 5\r\nhe\r\no\r\nreserve\r\n") == [
                .command(.put(header)), .body(Array("he\r\no".utf8)), .command(.reserve),
            ])
        #expect(Self.parse("put   0   0  0 0\r\n\r\n").last == .body([]))
        guard case .command(.put(let zero)) = Self.parse("put 0 0 0 0\r\n")[0] else {
            Issue.record("no put")
            return
        }
        #expect(zero.timeToRun == 1)
    }

    @Test func bodyThatGoesOnIsAnErrorAndItsRestALine() {
        let inputs = Self.parse("put 0 0 1 1\r\nABC\r\n")
        #expect(inputs.dropFirst() == [.error(.expectedCRLF), .error(.unknownCommand)])
    }

    @Test func tooBigABodyIsSkippedWhateverItSays() {
        #expect(
            Self.parse("put 0 0 1 101\r\n\(String(repeating: "\r\n", count: 51))\nreserve\r\n")
                == [.jobTooBig, .command(.reserve)])
        // The size is looked at before what follows it.
        #expect(
            Self.parse("put 0 0 1 101x\r\n\(String(repeating: "b", count: 103))stats\r\n")
                == [.jobTooBig, .command(.stats)])
        #expect(Self.parse("put 0 0 1 99x\r\nstats\r\n") == [.error(.badFormat), .command(.stats)])
    }

    // MARK: Cuts

    static let script =
        "put 1 2 3 5\r\nhello\r\nreserve-with-timeout 3\r\nput 0 0 1 101\r\n\(String(repeating: "x", count: 103))"
        + "use \(String(repeating: "y", count: 230))\r\ndelete 17\r\n\r\nput 0 0 1 0\r\n\r\nput 0 0 1 2\r\n\r\r\r\n"
        + "put 0 0 1 2 keep:9 idp:k:7\r\n\r\n\r\nput 0 0 1 3 keep:x\r\nabc\r\n"
        + "progress 3 4 \(String(repeating: "t", count: 300))\r\n"
        + "finish 9 3\r\nabc\r\nfail 9 never 5000\r\n\(String(repeating: "r", count: 5002))wait 1 2\r\n"
        + "stats\rx\r\nwatch a\0b\r\nrelease 1 2 3\r\nput 0 0 1 1\r\nAB\r\nquit\r\n"

    @Test func streamIsTheSameWhereverItIsCut() {
        let bytes = Array(Self.script.utf8)
        let whole = Self.parse([bytes])
        #expect(whole.count > 15)
        for cut in 0...bytes.count {
            #expect(Self.parse([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole)
        }
        #expect(Self.parse(bytes.map { [$0] }) == whole)
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func anyBytesAreReadTheSameHoweverTheyAreCut(seed: UInt64) {
        var random = SeededGenerator(seed: seed &+ 1)
        let words = [
            "put 0 0 1 ", " keep:", "idp:", "finish 1 ", "fail 1 never ", "progress 1 ", "reserve", "delete ", "use ",
            "\r\n", "\r", "\n", " ", "5", "99", "101", "x", "\0", "é",
        ]
        for _ in 0..<400 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...60, using: &random) {
                if Bool.random(using: &random) {
                    bytes += Array((words.randomElement(using: &random) ?? "").utf8)
                } else {
                    bytes.append(UInt8.random(in: 0...255, using: &random))
                }
            }
            var pieces: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...20, using: &random))
                pieces.append(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            #expect(Self.parse(pieces) == Self.parse([bytes]))
        }
    }

    @Test func bodyTakesMemoryAsItArrives() {
        var parser = CommandParser(maximumJobSize: 1 << 30)
        var position = 0
        let line = Array("put 0 0 1 1073741824\r\n".utf8)
        guard case .command(.put(let header))? = parser.next(line.span, &position) else {
            Issue.record("no put")
            return
        }
        #expect(header.byteCount == 1 << 30)
        position = 0
        let piece: [UInt8] = [1, 2, 3]
        let more = parser.next(piece.span, &position)
        let isInTheMiddle = parser.isInTheMiddle
        #expect(more == nil)
        #expect(isInTheMiddle)
    }
}
