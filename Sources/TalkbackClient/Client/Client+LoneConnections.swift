// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import Sockets

// Commands that wait in the server, and so have a connection of their own.
extension Client {
    /// What came of a command that waited on a connection.
    enum Attempt<Value> {
        case value(Value)
        case failed(ClientError)
        /// There is no connection any more, which there had been since then, or none yet.
        case lost(SocketError, connectedAt: Int64?)
    }

    /// Tries again, with pauses, for as long as connections are lost, or cannot be made, and there is patience.
    func persisting<Value>(
        _ operation: () -> String, _ attempt: () async -> Attempt<Value>
    ) async throws(ClientError) -> Value {
        var failures = 0
        var patienceEnd = Int64.max
        while true {
            if isClosed { throw ClientError(operation(), .closed) }
            if Task.isCancelled { throw ClientError(operation(), .cancelled) }
            switch await attempt() {
            case .value(let value): return value
            case .failed(let error): throw error
            case .lost(let error, let connectedAt):
                // A connection that has held for a while is a new beginning.
                if let connectedAt, loop.now - connectedAt > 1_000_000_000 { failures = 0 }
                failures += 1
                if failures == 1 { patienceEnd = loop.now + options.patience.clampedNanoseconds }
                if isClosed || Task.isCancelled { continue }
                // One that takes connections and never answers is told of, and not waited for.
                let isHopeless = connectedAt != nil && !isKnownServer && failures > 3
                if isHopeless || loop.now >= patienceEnd { throw lossError(operation(), error) }
                try? await loop.sleep(for: Self.reconnecting.randomPause(after: failures))
            }
        }
    }

    /// A connection that nobody else uses: one that is there, if possible one that watches these tubes, or a new one.
    func loneLane(for tubes: Set<TubeName> = []) async throws(SocketError) -> Lane {
        while let id = idle.first(where: { lane($0)?.watched == tubes }) ?? idle.last {
            idle.removeAll { $0 == id }
            if let lane = lane(id) { return lane }
        }
        return try await newLane(timeout: options.connectTimeout)
    }

    /// How many connections without a job are kept for the next command that waits.
    private static var idleLimit: Int { 64 }

    func keepIdle(_ lane: Lane) {
        guard lane.id != shared, lane.heldJobs.isEmpty, !lane.isEnded, !idle.contains(lane.id) else { return }
        if idle.count < Self.idleLimit, !isReservingStopped { idle.append(lane.id) } else { lane.close() }
    }
}
