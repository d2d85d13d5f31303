// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import TestSupport
import Testing

/// `talkback watch` in a terminal.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct WatchViewTests {
    private final class Terminal {
        let program: Program
        private let master: FileDescriptor
        private(set) var shown = ""
        private let before: termios

        init(width: UInt16 = 120, height: UInt16 = 20, _ arguments: String...) throws {
            var descriptors: (master: Int32, terminal: Int32) = (-1, -1)
            try #require(unsafe openpty(&descriptors.master, &descriptors.terminal, nil, nil, nil) == 0)
            master = FileDescriptor(rawValue: descriptors.master)
            before = Self.settings(master)
            let terminal = FileHandle(fileDescriptor: descriptors.terminal, closeOnDealloc: true)
            Self.resize(master, width, height)
            program = try Program("talkback", ["watch"] + arguments, terminal: terminal)
            try terminal.close()
        }

        deinit {
            program.send(SIGKILL)
            try? master.close()
        }

        private static func settings(_ master: FileDescriptor) -> termios {
            var settings = termios()
            _ = unsafe tcgetattr(master.rawValue, &settings)
            return settings
        }

        private static func resize(_ master: FileDescriptor, _ width: UInt16, _ height: UInt16) {
            var size = winsize(ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0)
            _ = unsafe ioctl(master.rawValue, UInt(TIOCSWINSZ), &size)
        }

        /// The terminal is not the program's controlling one, so that its signals are sent by hand.
        func resize(_ width: UInt16, _ height: UInt16) {
            Self.resize(master, width, height)
            program.send(SIGWINCH)
        }

        func press(_ key: String) throws {
            try master.writeAll(key.utf8)
        }

        /// Whether keys come at once and are not shown.
        var isRaw: Bool { Self.settings(master).c_lflag & tcflag_t(ICANON | ECHO) == 0 }
        var isAsBefore: Bool { Self.settings(master).c_lflag == before.c_lflag }

        /// Reads what is drawn until it has all of the words; forgets it then.
        func waitFor(_ words: String...) throws {
            while !words.allSatisfy(shown.contains) { try #require(try readMore(), "\(shown.debugDescription)") }
            shown = ""
        }

        /// Reads up to the end, and returns what came since the last look.
        func rest() throws -> String {
            while try readMore() {}
            return shown
        }

        private func readMore() throws -> Bool {
            var entries = [PollEntry(master, .readable)]
            try #require(try Socket.poll(&entries, timeout: .seconds(60)) > 0)
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                // What is left of a terminal that nobody has open any more is an error.
                count = (try? unsafe master.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
            }
            shown += String(decoding: bytes, as: UTF8.self)
            return !bytes.isEmpty
        }
    }

    private static let enter = "\u{1B}[?1049h"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    /// The program has ended and left the terminal as it was.
    private func expectEnd(_ terminal: Terminal) throws {
        #expect(try terminal.rest().hasSuffix(Self.leave))
        let outcome = terminal.program.outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
    }

    @Test func keyEndsIt() throws {
        let server = try TCPQueueServer()
        let terminal = try Terminal("--address", "\(server.address)", "--interval", "0.1")
        try terminal.waitFor(Self.enter, "\(server.address)  version ", "DELETED/S", "1 tube ", "default ")
        #expect(terminal.isRaw)
        try server.say("use emails\r\nput 0 0 10 1\r\na\r\n")
        try terminal.waitFor("2 tubes ", "emails ")
        // Other keys do nothing.
        try terminal.press("x")
        try terminal.waitFor("2 tubes ")
        try terminal.press("q")
        try expectEnd(terminal)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    func signalEndsIt(signal: Int32) throws {
        let server = try TCPQueueServer()
        let terminal = try Terminal("--address", "\(server.address)")
        try terminal.waitFor("default ")
        terminal.program.send(signal)
        try expectEnd(terminal)
    }

    @Test func settingsAreRestored() async throws {
        let server = try TCPQueueServer()
        let terminal = try Terminal("--address", "\(server.address)")
        try terminal.waitFor("default ")
        #expect(!terminal.isAsBefore)
        terminal.program.send(SIGTSTP)
        try terminal.waitFor(Self.leave)
        try await waitUntil { terminal.isAsBefore }
        // It stops itself once the terminal is as it was.
        terminal.program.waitUntilStopped()
        terminal.program.send(SIGCONT)
        try terminal.waitFor(Self.enter, "default ")
        #expect(terminal.isRaw)
        try terminal.press("q")
        try expectEnd(terminal)
    }

    @Test func windowIsFollowed() throws {
        let server = try TCPQueueServer()
        let name = "a-tube-" + String(repeating: "x", count: 100)
        try server.say("use \(name)\r\nput 0 0 10 1\r\na\r\n")
        try server.say((0..<50).map { "use tube-\($0)\r\nput 0 0 10 1\r\na\r\n" }.joined())
        let terminal = try Terminal(
            width: 100, height: 10, "--address", "\(server.address)", "--interval", "1000")
        try terminal.waitFor("\(name.prefix(27))~ ", "and 47 more tubes")
        terminal.resize(120, 60)
        try terminal.waitFor("\(name.prefix(47))~ ", "tube-9 ")
        try terminal.press("q")
        try expectEnd(terminal)
    }

    @Test func serverGoesAndComesBack() throws {
        var server = try TCPQueueServer()
        let port = try #require(server.address.port)
        let terminal = try Terminal("--address", "\(server.address)", "--interval", "0.1")
        try terminal.waitFor("default ")
        server.kill()
        // What is known stays there.
        try terminal.waitFor("trying again; the table is ", " old", "default ")
        server = try TCPQueueServer(port: port)
        try terminal.waitFor("\(server.address)  version ", "default ")
        try terminal.press("q")
        try expectEnd(terminal)
    }

    @Test func serverThatIsNotThereYetIsWaitedFor() throws {
        var server = try TCPQueueServer()
        let port = try #require(server.address.port)
        server.kill()
        let terminal = try Terminal("--address", "\(server.address)", "--interval", "0.1")
        try terminal.waitFor("connect \(server.address): Connection refused (ECONNREFUSED); trying again")
        server = try TCPQueueServer(port: port)
        try terminal.waitFor("default ")
        try terminal.press("q")
        try expectEnd(terminal)
    }
}
