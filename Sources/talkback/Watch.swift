// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import TalkbackClient

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the tubes of a server and what happens in them.",
        discussion: """
            For each tube: the jobs that are ready, delayed, reserved and buried, the workers that wait for one, for \
            how long the tube is still paused, and how many jobs were put and deleted per second since the last look.

            In a terminal the view is renewed in place, until q, SIGINT or SIGTERM ends it. While the server cannot be \
            reached, it says so and goes on trying. Elsewhere, and with --once, the table is printed once; elsewhere \
            and with --interval, again and again. The rates need two looks: --once with --interval takes them so far \
            apart.

            EXIT STATUS:
              0   It was ended, or has printed what it was asked for.
              1   An error, which is told on standard error: with one look, that
                  the server cannot be reached, or says what is not the protocol.
              64  The arguments are wrong.

            EXAMPLES:
              talkback watch
                  The server on this machine, once a second.
              talkback watch --address unix:/run/talkback.sock --interval 5
                  Another one, every five seconds.
              talkback watch --once --interval 1
                  The table, with what has happened in a second.
              talkback watch --json --interval 60 >> queue.log
                  A line each minute for a program to read.
            """)

    @OptionGroup var server: ServerOption

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The time between two looks. (default: 1)", valueName: "seconds"),
        transform: Seconds.init(checking:))
    var interval: Seconds?

    @Flag(help: "Print once and end.")
    var once = false

    @Flag(help: "Print an object of JSON, on a line of its own, for each look.")
    var json = false

    func run() async throws {
        StandardStreams.openThoseThatAreClosed()
        // One attempt at a time: it says what has come of each.
        let options = ClientOptions(
            connectTimeout: .seconds(10), patience: .zero, replyTimeout: .seconds(10))
        let client = try Client(server.address, options: options)
        let pause = (interval ?? Seconds(1)).duration
        if !once, !json, isatty(STDOUT_FILENO) == 1 {
            try await WatchView(client, every: pause).run()
        } else if once || interval == nil {
            try await printOnce(client)
        } else {
            try await printForEver(client, every: pause)
        }
        await client.close()
    }

    private func printOnce(_ client: Client) async throws {
        var previous: ServerLook?
        if let interval {
            previous = try await client.look()
            // What happens in this time is what is measured.
            try await Task.sleep(for: interval.duration)
        }
        try show(WatchReport(try await client.look(), after: previous), of: client)
    }

    private func printForEver(_ client: Client, every pause: Duration) async throws {
        var previous: ServerLook?
        var next = ContinuousClock.now
        while true {
            let look: ServerLook?
            do throws(ClientError) {
                look = try await client.look()
            } catch {
                StandardStreams.complain("\(error); trying again")
                look = nil
            }
            if let look {
                try show(WatchReport(look, after: previous), of: client)
                previous = look
            }
            next = max(next + pause, ContinuousClock.now)
            // So often it is to look.
            try await Task.sleep(until: next)
        }
    }

    private func show(_ report: WatchReport, of client: Client) throws {
        if json { return try StandardStreams.print(report.json(address: "\(client.address)")) }
        let lines = WatchTable(report, address: "\(client.address)").lines(width: nil, height: nil)
        try StandardStreams.print(lines.map(\.text).joined(separator: "\n") + (interval == nil || once ? "" : "\n"))
    }
}
