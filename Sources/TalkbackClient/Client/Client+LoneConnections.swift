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
                if loop.now >= patienceEnd { throw ClientError(operation(), .cannotConnect(error)) }
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

    // MARK: What only Talkback knows

    /// Makes sure that a server knows more than beanstalkd: what follows a command that it does not know it would execute.
    func requireOutcomes(_ operation: () -> String, on lane: Lane) async throws(ClientError) {
        switch await outcomes(on: lane) {
        case .success(true): return
        case .success(false): throw ClientError(operation(), .notUnderstood)
        case .failure(let failure):
            // The command itself was not sent.
            guard case .ended(let error, _) = failure else { throw self.error(operation(), failure) }
            throw self.error(operation(), .ended(error, wasSent: false))
        }
    }

    /// Whether the server at the other end of a connection knows more than beanstalkd.
    func outcomes(on lane: Lane) async -> Result<Bool, Lane.Failure> {
        if let known = lane.knowsOutcomes { return .success(known) }
        let deadline = loop.now + options.replyTimeout.clampedNanoseconds
        return await ask(.state(0), by: deadline, on: lane).map { reply in
            lane.knowsOutcomes = reply != .unknownCommand
            return reply != .unknownCommand
        }
    }

    /// Whether the server that a job was reserved from knows more than beanstalkd.
    func knowsOutcomes(_ id: Lane.ID) async -> Bool {
        guard let lane = lane(id), case .success(true) = await outcomes(on: lane) else { return false }
        return true
    }

    /// Whether a job that is not this connection's any more was cancelled.
    func wasCancelled(_ id: JobID, _ command: Command, on lane: Lane) async -> Bool {
        guard lane.knowsOutcomes == true, case .touch = command else { return false }
        let deadline = loop.now + options.replyTimeout.clampedNanoseconds
        guard case .success(.cancelled) = await ask(.progress(id, percent: 0, text: []), by: deadline, on: lane) else {
            return false
        }
        return true
    }
}

extension Command {
    /// Whether a body follows that another server would take for commands.
    var isOnlyTalkbacks: Bool {
        switch self {
        case .put(let header): !header.tags.isEmpty
        case .finish, .fail: true
        default: false
        }
    }
}

extension Reply {
    /// Whether nothing was done.
    var isRefusal: Bool {
        switch self {
        case .tooBig, .outOfMemory, .expectedCRLF, .badFormat, .unknownCommand, .internalError: true
        default: false
        }
    }
}
