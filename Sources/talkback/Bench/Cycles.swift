// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import BeanstalkProtocol
import Glibc
import Sockets

/// Connections that each put, reserve and delete, in turn, each command after the reply to the one before.
final class CycleLoad: Load, @unchecked Sendable {
    // `@unchecked`: as in `Load`, only code on the loop's thread uses what changes.

    private(set) var cycles = 0
    /// The time that cycles took, from the beginning to the end of the last.
    private(set) var elapsed: Int64 = 0
    /// How long the replies to puts, reserves and deletes took.
    fileprivate(set) var latencies = [Histogram](repeating: Histogram(), count: 3)

    /// - Returns: Whether the connection is to begin another one.
    fileprivate func cycleEnded(at now: Int64) -> Bool {
        cycles += 1
        elapsed = now - start
        return !isOver(at: now)
    }

    override func progress(at now: Int64) -> String {
        "\(Int(Double(cycles) * 1e9 / Double(max(1, now - start)))) cycles/s"
    }
}

final class CycleClient: LoadClient {
    private enum Command: Int {
        case put, reserve, delete
    }

    private let cycles: CycleLoad
    private var command = Command.put
    /// When the command was sent.
    private var since: Int64 = 0
    private var jobID: UInt64 = 0
    /// The line of the last delete, kept for its memory.
    private var line: [UInt8] = []

    init(_ connection: Connection, _ load: CycleLoad) {
        cycles = load
        super.init(connection, of: load, inputLimit: load.job.body.count + 1024)
        line.reserveCapacity(64)
    }

    override var operation: String { "\(command)" }

    override func begin() throws(SocketError) {
        try send(.put, at: Load.now())
    }

    private func send(_ command: Command, at now: Int64) throws(SocketError) {
        self.command = command
        since = now
        switch command {
        case .put: try send(cycles.job.put)
        case .reserve: try send(Self.reserveLine)
        case .delete:
            line.removeAll(keepingCapacity: true)
            line.append(.delete(jobID))
            try send(line)
        }
    }

    private static let reserveLine = Array("reserve\r\n".utf8)

    override func takeInput() throws(SocketError) {
        guard input[input.count - 1] == UInt8(ascii: "\n") else { return }
        switch command {
        case .put: guard takeInserted() else { return failUnexpectedly() }
        case .reserve:
            guard let isComplete = takeReserved() else { return failUnexpectedly() }
            guard isComplete else { return }
        case .delete: guard takeDeleted() else { return failUnexpectedly() }
        }
        input.removeAll(keepingCapacity: true)
        let now = Load.now()
        cycles.latencies[command.rawValue].record(now - since)
        switch command {
        case .put: try send(.reserve, at: now)
        case .reserve: try send(.delete, at: now)
        case .delete: if cycles.cycleEnded(at: now) { try send(.put, at: now) } else { end() }
        }
    }

    private func takeInserted() -> Bool {
        var position = 0
        let input = input
        let reply = input.span
        return reply.skip("INSERTED ", &position) && reply.takeNumber(&position) != nil
            && reply.skip("\r\n", &position) && position == reply.count
    }

    private func takeDeleted() -> Bool {
        var position = 0
        let input = input
        let reply = input.span
        return reply.skip("DELETED\r\n", &position) && position == reply.count
    }

    /// - Returns: Whether it is there to its end; `nil` if it is not the job that was put. The job of somebody else is
    ///   not deleted: the end of the connection gives it back.
    private func takeReserved() -> Bool? {
        var position = 0
        let input = input
        let reply = input.span
        guard reply.skip("RESERVED ", &position), let id = reply.takeNumber(&position), reply.skip(" ", &position),
            reply.takeNumber(&position) == UInt64(cycles.job.body.count), reply.skip("\r\n", &position)
        else { return nil }
        let body = cycles.job.body
        let end = position + body.count
        guard reply.count >= end + 2 else { return false }
        // SAFETY: both have the bytes that are compared, and are there during the call.
        let isSame = unsafe input.withUnsafeBytes { received in
            unsafe body.withUnsafeBytes { own in
                guard let start = received.baseAddress, let ownStart = own.baseAddress else {
                    return unsafe own.isEmpty
                }
                return unsafe memcmp(start + position, ownStart, own.count) == 0
            }
        }
        guard isSame, reply.skip("\r\n", from: end), reply.count == end + 2 else { return nil }
        jobID = id
        return true
    }
}
