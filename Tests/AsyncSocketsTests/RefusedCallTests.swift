// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import TestSupport
import Testing

/// What becomes of a program to which a sandbox refuses system calls, as old container profiles do to those that they
/// do not know.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct RefusedCallTests {
    /// A program under a filter that refuses some calls.
    private func start(refusing calls: String, with error: String, _ program: String, _ arguments: String...) throws
        -> Program
    {
        try Program("refusing-calls", [error, calls, Program.path(of: program)] + arguments)
    }

    private static var everyError: [String] { ["EPERM", "ENOTSUP", "ENOSYS", "EACCES"] }

    /// Newer than what such profiles know: the program does without it.
    @Test(arguments: everyError)
    func serverWithoutEpollPwait2Answers(error: String) throws {
        let server = try start(
            refusing: "epoll_pwait2", with: error, "talkback", "listen", "127.0.0.1:0", "--", "/bin/cat")
        let address = try server.address()
        #expect(try Socket.answer(from: address, to: "hello") == "hello")
        let before = server.processorTicks ?? 0
        // Long enough to tell a thread that spins from one that waits.
        _ = try Socket.pair().first.wait(for: .readable, timeout: .milliseconds(300))
        #expect((server.processorTicks ?? 0) - before < 15)
        #expect(server.end().status == 0)
    }

    /// Time-outs come from the loop's timers, and without epoll_pwait2 they are as exact.
    @Test(arguments: everyError)
    func timersWithoutEpollPwait2AreInTime(error: String) throws {
        let outcome = try start(
            refusing: "epoll_pwait2", with: error, "loop-without-epoll", "timers"
        ).outcome()
        #expect(outcome.output == "late by less than half a millisecond: true\nearly: false\n")
        #expect(outcome.status == 0)
    }

    /// Nothing works without these: that is an error before anything listens. (In talkback libdispatch, which Swift's
    /// tasks run on, ends the process first.)
    @Test(
        arguments: ["epoll_create1", "epoll_ctl", "eventfd2", "epoll_pwait2,epoll_wait,epoll_pwait"],
        ["EPERM", "ENOSYS"])
    func loopThatCannotWaitIsNotMade(calls: String, error: String) throws {
        let outcome = try start(refusing: calls, with: error, "loop-without-epoll", "none").outcome()
        #expect(outcome.output.hasPrefix("loop: event loop: "))
        #expect(outcome.output.hasSuffix("(\(error))\n"))
        #expect(outcome.status == 0)
    }

    /// A server that cannot accept ends, and says why; it neither spins nor waits for ever.
    @Test(arguments: ["accept,accept4", "accept4"], everyError)
    func serverThatCannotAcceptEnds(calls: String, error: String) throws {
        let server = try start(
            refusing: calls, with: error, "talkback", "listen", "127.0.0.1:0", "--", "/bin/cat")
        let outcome = server.outcome()
        #expect(outcome.output.hasPrefix("listening on "))
        #expect(outcome.errors.hasPrefix("Error: accept: "))
        #expect(outcome.status != 0)
    }

    @Test(arguments: everyError)
    func commandsOfJobsRunWithoutNewerCalls(error: String) throws {
        let folder = TemporaryFolder()
        let server = try start(
            refusing: "epoll_pwait2,pidfd_open,close_range", with: error, "talkback", "serve", "--memory", "--listen",
            "unix:\(folder.file("s"))", "--run", "t=/bin/cat", "--log-level", "error")
        while (try? Socket.connect(to: .unix(UnixAddress(path: folder.file("s")))).close()) == nil {
            try #require(server.isRunning)
        }
        let submission = try Program(
            "talkback", "submit", "--address", "unix:\(folder.file("s"))", "--tube", "t", "--wait", "hello"
        ).outcome()
        #expect(submission.output == "hello\n" || submission.output == "hello")
        #expect(submission.status == 0)
        #expect(server.end().status == 0)
    }

    /// Not by a sandbox, but by a program that closes what is not its own: whoever waits gets the error, and nothing
    /// spins.
    @Test func loopWhoseDescriptorIsClosedTellsWhoWaits() throws {
        let outcome = try Program("loop-without-epoll", "closed").outcome()
        let lines = Set(outcome.output.split(separator: "\n").map(String.init))
        let error = "Bad file descriptor (EBADF)"
        for call in ["accept", "receive", "receive with a time-out", "watch", "receive later"] {
            #expect(
                lines.contains { $0.hasPrefix("\(call): event loop") && $0.hasSuffix(error) }, "\(call) in \(lines)")
        }
        #expect(lines.isSuperset(of: ["sleep: no error", "job: no error", "busy: false"]))
        #expect(outcome.status == 0)
    }
}
