// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import BeanstalkProtocol
import Sockets
import TalkbackClient

/// A load from its first connection to its last, and nothing left of it.
struct LoadRun {
    /// How long a server may take to answer.
    static let silenceLimit = Duration.seconds(30)

    private let load: Load
    private let address: ServerAddress
    /// For what is asked of the server before and after.
    private let client: Client
    private let loop: EventLoop

    init(_ load: Load, address: ServerAddress, client: Client, on loop: EventLoop) {
        self.load = load
        self.address = address
        self.client = client
        self.loop = loop
    }

    /// Refuses a tube that others use: the load would take their jobs, and they the load's.
    func checkTube() async throws {
        let tube = "\(load.job.tube)"
        guard let name = Tube(tube), let statistics = try await statistics(of: name) else { return }
        if statistics.jobs > 0 {
            throw CleanError("--tube \(tube): there are \(statistics.jobs) jobs in it, which the load would take")
        }
        if statistics.waiting > 0 {
            throw CleanError(
                "--tube \(tube): \(statistics.waiting) workers wait for its jobs, and would take the load's")
        }
    }

    func run(for duration: Duration) async throws {
        let connections = try await connect()
        if let peer = connections.first?.peerAddress, let ip = peer.ip, !ip.isLoopback {
            StandardStreams.complain("warning: \(peer) is another machine's: the network is measured too")
        }
        let progress = LoadProgress(load, duration)
        let showing = Task(executorPreference: loop) { [loop] in await progress.show(on: loop) }
        load.begin(for: duration)
        await withTaskGroup(of: Void.self) { group in
            for connection in connections {
                group.addTask(executorPreference: loop) { [load] in
                    await Self.client(connection, load).run()
                }
            }
        }
        showing.cancel()
        await showing.value
        guard let failure = load.failure else { return }
        await clear()
        throw failure
    }

    private static func client(_ connection: Connection, _ load: Load) -> LoadClient {
        switch load {
        case let load as CycleLoad: CycleClient(connection, load)
        case let load as PipelineLoad: PipelineClient(connection, load)
        default: preconditionFailure("there is no other load")
        }
    }

    private func connect() async throws -> [Connection] {
        try await withThrowingTaskGroup(of: Connection.self) { group in
            for _ in 0..<load.connectionCount {
                group.addTask(executorPreference: loop) { [address, loop, load] in
                    try await LoadClient.connection(
                        to: address, using: load.job.tube, on: loop, silenceLimit: Self.silenceLimit)
                }
            }
            var connections: [Connection] = []
            for try await connection in group { connections.append(connection) }
            return connections
        }
    }

    // MARK: What a failure has left

    /// Deletes the jobs of the load that are left in its tube, once the server has noticed that its connections have
    /// ended.
    private func clear() async {
        guard let tube = Tube("\(load.job.tube)") else { return }
        do {
            let end = ContinuousClock.now + .seconds(10)
            while let left = try await statistics(of: tube)?.jobs, left > 0 {
                try await deleteReadyJobs(of: tube)
                guard ContinuousClock.now < end else { throw CleanError("\(left) jobs did not become ready") }
                try await loop.sleep(for: .milliseconds(20))
            }
        } catch {
            StandardStreams.complain("warning: jobs may be left in the tube \(tube): \(error)")
        }
    }

    private func deleteReadyJobs(of tube: Tube) async throws {
        while let job = try await client.peek(.ready, in: tube) {
            guard job.body == load.job.body else { throw CleanError("job \(job.id) is somebody else's") }
            do throws(ClientError) {
                try await client.delete(job.id)
            } catch {
                // Somebody else was faster.
                if error.reason != .notFound { throw error }
            }
        }
    }

    private func statistics(of tube: Tube) async throws(ClientError) -> TubeStatistics? {
        do throws(ClientError) {
            return try await client.statistics(of: tube)
        } catch {
            if error.reason == .notFound { return nil }
            throw error
        }
    }
}

extension TubeStatistics {
    fileprivate var jobs: Int { ready + reserved + delayed + buried }
}
