// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol

// What only Talkback knows.
extension Client {
    /// Whether the server at the other end of a connection knows more than beanstalkd: what follows a command that it
    /// does not know it would execute.
    func outcomes(on lane: Lane) async -> Result<Bool, Lane.Failure> {
        if let known = lane.knowsOutcomes { return .success(known) }
        let deadline = loop.now + options.replyTimeout.clampedNanoseconds
        switch await ask(.state(0), by: deadline, on: lane) {
        case .success(let reply):
            lane.knowsOutcomes = reply != .unknownCommand
            return .success(reply != .unknownCommand)
        // The command itself was not sent.
        case .failure(.ended(let error, _)): return .failure(.ended(error, wasSent: false))
        case .failure(let failure): return .failure(failure)
        }
    }

    /// Whether the server that a job was reserved from knows more than beanstalkd.
    func knowsOutcomes(_ id: Lane.ID) async -> Bool {
        guard let lane = lane(id), case .success(true) = await outcomes(on: lane) else { return false }
        return true
    }

    /// Whether a job that touch does not find any more was cancelled.
    func wasCancelled(_ id: JobID, _ reservation: Lane.Reservation, on lane: Lane) async -> Bool {
        // Somebody else may have found out meanwhile, and the connection have something else to do.
        guard lane.knowsOutcomes == true, lane.heldJobs[id] == reservation else { return false }
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
