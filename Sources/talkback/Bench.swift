// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import BeanstalkProtocol
import Glibc
import Synchronization
import TalkbackClient

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how fast a server is, with a load of its own.",
        discussion: """
            Each connection puts a job, reserves one and deletes it, again and again, and waits for the reply to each \
            command before it sends the next. With --pipeline each connection puts many jobs in one go, and when all \
            replies are there the jobs are deleted, which is not measured. The server may be any that speaks \
            beanstalkd's protocol.

            The jobs go into a tube of the load's own, and all are deleted at the end. With --tube the tube must be \
            empty and nobody may wait for its jobs. No real queue is disturbed, but the server is kept as busy as it \
            can be: its other clients wait longer meanwhile.

            The load takes one processor; where the server has to share it, that is what is measured. SIGINT and \
            SIGTERM end the load early, and what was measured is printed; a second one ends the program at once.

            Latencies are in microseconds, and at most 1.6 % more than they were.

            EXIT STATUS:
              0   It was measured.
              1   An error, which is told on standard error: no connection, a
                  refusal, no reply for 30 seconds.
              64  The arguments are wrong.

            EXAMPLES:
              talkback bench
                  Loads the server on this machine for ten seconds.
              talkback bench --connections 1 --seconds 3 --size 1000
                  How long a put takes when there is nothing else to do.
              talkback bench --pipeline 1000 --json | jq .puts_per_second
                  As a script that puts many jobs does it.
            """)

    @OptionGroup var server: ServerOption

    @Option(help: ArgumentHelp("How many connections. (default: 50, or 1 with --pipeline)", valueName: "number"))
    var connections: Int?

    @Option(help: ArgumentHelp("For how long.", valueName: "seconds"))
    var seconds = Seconds(10)

    @Option(parsing: .unconditional, help: ArgumentHelp("The bytes in a job.", valueName: "bytes"))
    var size = 64

    @Option(
        help: ArgumentHelp(
            "Put so many jobs in one go on each connection, and measure nothing but puts.", valueName: "number"))
    var pipeline: Int?

    @Option(help: ArgumentHelp("The tube to use. (default: a new one)", valueName: "name"))
    var tube: String?

    @Flag(help: "Print the figures as JSON.")
    var json = false

    private var connectionCount: Int { connections ?? (pipeline == nil ? 50 : 1) }

    func validate() throws {
        guard (1...1_000_000).contains(connectionCount) else {
            throw ValidationError("--connections takes 1 to 1000000.")
        }
        guard (0...1 << 30).contains(size) else { throw ValidationError("--size takes 0 to 1073741824 bytes.") }
        guard let pipeline else {
            _ = try tubeName()
            return
        }
        guard (1...10_000_000).contains(pipeline) else { throw ValidationError("--pipeline takes 1 to 10000000.") }
        guard pipeline * (size + 64) <= 1 << 30 else {
            throw ValidationError("--pipeline and --size: all jobs of one go may have 1073741824 bytes together.")
        }
        _ = try tubeName()
    }

    private func tubeName() throws -> TubeName {
        let text = tube ?? "talkback-bench-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        guard let name = TubeName(text) else { throw ValidationError("--tube \"\(text)\": \(NameRule.tube)") }
        return name
    }

    func run() async throws {
        StandardStreams.openThoseThatAreClosed()
        Rights.raiseDescriptorLimit()
        let address = server.address
        let loop = try EventLoop()
        let job = LoadJob(in: try tubeName(), size: size)
        let options = ClientOptions(
            connectTimeout: LoadRun.silenceLimit, patience: .zero, replyTimeout: LoadRun.silenceLimit)
        let client = try await server.connect(options)
        let load: Load
        if let pipeline {
            load = PipelineLoad(job, connections: connectionCount, putsInOneGo: pipeline)
        } else {
            load = CycleLoad(job, connections: connectionCount)
        }
        let stop = StopRequest(load)
        let signals = Signals(Dictionary(uniqueKeysWithValues: Signals.stopNumbers.map { ($0, stop.signalCame) }))
        let run = LoadRun(load, address: address, client: client, on: loop)
        if tube != nil { try await run.checkTube() }
        let statistics = try await client.statistics()
        let version = statistics.text("version") ?? "unknown"
        let limit = statistics.number("max-job-size")
        if let limit, size > limit {
            throw CleanError("put: \(ClientError.explanation(ofBodyOf: size, limit: limit))")
        }
        try await run.run(for: seconds.duration)
        await client.close()
        signals.release()
        let report = LoadReport(load, address: "\(address)", version: version)
        try StandardStreams.print(json ? report.json() : report.text)
    }
}

/// What the signals ask for.
private final class StopRequest: Sendable {
    private let load: Load
    private let wasRequested = Atomic(false)

    init(_ load: Load) {
        self.load = load
    }

    @Sendable
    func signalCame() {
        guard !wasRequested.exchange(true, ordering: .sequentiallyConsistent) else { exit(1) }
        load.stop()
    }
}
