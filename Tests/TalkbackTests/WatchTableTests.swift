// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import talkback

/// What `talkback watch` makes of what a server says, without a server.
struct WatchTableTests {
    private static let start = ContinuousClock.now

    private static func look(
        at seconds: Int, instance: String = "one", uptime: Int = 3725, isDraining: Bool = false,
        _ tubes: [ServerLook.TubeLook]
    ) -> ServerLook {
        ServerLook(
            time: start + .seconds(seconds), date: Date(timeIntervalSince1970: 0), instance: instance, version: "1.12",
            uptime: uptime + seconds, connections: 3, isDraining: isDraining, tubes: tubes)
    }

    private static let tubes = [
        ServerLook.TubeLook(name: "default"),
        ServerLook.TubeLook(
            name: "emails", ready: 12, delayed: 3, reserved: 4, buried: 1, waiting: 2, pauseLeft: 59, puts: 1000,
            deletes: 980),
    ]

    @Test func rowsAreAlignedAndSummedUp() {
        let table = WatchTable(WatchReport(Self.look(at: 0, Self.tubes), after: nil), address: "127.0.0.1:11300")
        #expect(
            table.lines(width: nil, height: nil).map(\.text) == [
                "127.0.0.1:11300  version 1.12, up 1 h 2 min, 3 connections  1970-01-01T00:00:00Z",
                "",
                "TUBE      READY  DELAYED  RESERVED  BURIED  WAITING  PAUSED    PUT/S  DELETED/S",
                "2 tubes      12        3         4       1        2       -        -          -",
                "default       0        0         0       0        0       -        -          -",
                "emails       12        3         4       1        2    59 s        -          -",
            ])
    }

    // MARK: Rates

    @Test func ratesAreDifferences() {
        var later = Self.tubes
        later[1].puts += 500
        later[1].deletes += 1
        later.append(ServerLook.TubeLook(name: "new", puts: 8, deletes: 4))
        let report = WatchReport(Self.look(at: 4, later), after: Self.look(at: 0, Self.tubes))
        #expect(report.rows.map(\.putsPerSecond) == [0, 125, 2])
        #expect(report.rows.map(\.deletesPerSecond) == [0, 0.25, 1])
        #expect(report.total.putsPerSecond == 127 && report.total.deletesPerSecond == 1.25)
        let lines = WatchTable(report, address: "a").lines(width: nil, height: nil)
        #expect(lines[5].text.hasSuffix("      125        0.2"))
    }

    @Test func tubeThatHasGoneAndComeAgainBeginsAtZero() {
        let again = [ServerLook.TubeLook(name: "emails", puts: 10, deletes: 6)]
        let report = WatchReport(Self.look(at: 2, again), after: Self.look(at: 0, Self.tubes))
        #expect(report.rows.map(\.putsPerSecond) == [5] && report.rows.map(\.deletesPerSecond) == [3])
    }

    @Test func anotherServerHasNoRatesYet() {
        let old = Self.look(at: 0, Self.tubes)
        #expect(WatchReport(Self.look(at: 1, instance: "two", Self.tubes), after: old).total.putsPerSecond == nil)
        #expect(WatchReport(Self.look(at: 1, uptime: 0, Self.tubes), after: old).total.putsPerSecond == nil)
        #expect(WatchReport(Self.look(at: 1, Self.tubes), after: old).total.putsPerSecond == 0)
        #expect(WatchReport(Self.look(at: 0, Self.tubes), after: old).total.putsPerSecond == nil)
    }

    // MARK: The window

    @Test func longNamesAreShortenedToTheWidth() {
        let name = "a-tube-with-a-long-name-that-does-not-fit"
        let report = WatchReport(Self.look(at: 0, [ServerLook.TubeLook(name: name, ready: 5)]), after: nil)
        let table = WatchTable(report, address: "127.0.0.1:11300")
        for width in [92, 100, 111] {
            let lines = table.lines(width: width, height: nil)
            #expect(lines.allSatisfy { $0.text.count <= width })
            #expect(lines.last?.text.count == width)
            #expect(lines.last?.text.hasPrefix(name.prefix(width - 73) + "~") == true)
        }
        #expect(table.lines(width: 300, height: nil).last?.text.hasPrefix(name + " ") == true)
    }

    @Test(arguments: 0...80)
    func noLineIsWiderThanTheWindow(width: Int) {
        let report = WatchReport(Self.look(at: 0, Self.tubes), after: nil)
        let lines = WatchTable(report, address: "127.0.0.1:11300").lines(width: width, height: nil)
        #expect(lines.allSatisfy { $0.text.count <= width })
    }

    @Test(arguments: 0...110)
    func noMoreLinesThanTheWindowHas(height: Int) {
        let tubes = (100..<200).map { ServerLook.TubeLook(name: "tube-\($0)", ready: 1) }
        let report = WatchReport(Self.look(at: 0, tubes), after: nil)
        let lines = WatchTable(report, address: "a").lines(width: 100, height: height)
        #expect(lines.count == min(height, 104))
        // The sum is that of all of them, and those left out are counted.
        if height > 3 { #expect(lines[3].text.hasPrefix("100 tubes ") && lines[3].text.contains(" 100 ")) }
        if (5..<104).contains(height) { #expect(lines.last?.text == "and \(100 - (height - 5)) more tubes") }
        if height >= 104 { #expect(lines.last?.text.hasPrefix("tube-199 ") == true) }
    }

    // MARK: The first line

    @Test func problemTakesTheFirstLine() {
        let report = WatchReport(Self.look(at: 0, Self.tubes), after: nil)
        let lines = WatchTable(report, address: "a", problem: "gone").lines(width: nil, height: nil)
        #expect(lines[0] == WatchTable.Line(text: "gone", style: .warning) && lines[2].style == .heading)
    }

    @Test func drainingIsSaid() {
        let report = WatchReport(Self.look(at: 0, isDraining: true, []), after: nil)
        let lines = WatchTable(report, address: "a").lines(width: nil, height: nil)
        #expect(lines[0].text.contains("3 connections, draining"))
    }

    @Test(
        arguments: [
            (0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min"),
            (86_399, "23 h 59 min"), (86_400, "1 d 0 h"), (900_000, "10 d 10 h"),
        ])
    func timesHaveTwoUnits(seconds: Int, text: String) {
        #expect(WatchTable.time(seconds) == text)
    }
}
