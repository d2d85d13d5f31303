// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import BeanstalkProtocol
import Sockets

/// Connections that each put many jobs in one go. When all have the replies, all delete their jobs, which is not
/// measured, and then they begin again.
final class PipelineLoad: Load, @unchecked Sendable {
    // `@unchecked`: as in `Load`, only code on the loop's thread uses what changes.

    let putsInOneGo: Int
    /// All puts of one go.
    let commands: [UInt8]
    private(set) var puts = 0
    /// The time that the puts took.
    private(set) var elapsed: Int64 = 0
    /// How long it took from the first put of a go to the last reply.
    private(set) var latencies = Histogram()
    private var isEmptying = false
    private var busyCount: Int
    private var goStart: Int64 = 0

    init(_ job: LoadJob, connections: Int, putsInOneGo: Int) {
        self.putsInOneGo = putsInOneGo
        busyCount = connections
        var commands: [UInt8] = []
        commands.reserveCapacity(job.put.count * putsInOneGo)
        for _ in 0..<putsInOneGo { commands += job.put }
        self.commands = commands
        super.init(job, connections: connections)
    }

    override func begin(for duration: Duration) {
        super.begin(for: duration)
        goStart = start
    }

    /// The last connection that is done sees to it that all go on.
    fileprivate func clientIsDone() throws(SocketError) {
        busyCount -= 1
        guard busyCount == 0 else { return }
        busyCount = connectionCount
        let now = Load.now()
        if !isEmptying {
            puts += putsInOneGo * connectionCount
            elapsed += now - goStart
            latencies.record(now - goStart)
        } else if isOver(at: now) {
            for client in clients { client.end() }
            return
        }
        isEmptying.toggle()
        goStart = Load.now()
        for case let client as PipelineClient in clients {
            if isEmptying { try client.delete() } else { try client.begin() }
        }
    }

    override func progress(at now: Int64) -> String {
        "\(Int(Double(puts) * 1e9 / Double(max(1, elapsed)))) puts/s"
    }
}

final class PipelineClient: LoadClient {
    private let pipeline: PipelineLoad
    private var isDeleting = false
    private var replyCount = 0
    private var ids: [UInt64]
    private var deletes: [UInt8] = []

    init(_ connection: Connection, _ load: PipelineLoad) {
        pipeline = load
        ids = [UInt64](repeating: 0, count: load.putsInOneGo)
        super.init(connection, of: load, inputLimit: 1 << 16)
    }

    override var operation: String { isDeleting ? "delete" : "put" }

    override func begin() throws(SocketError) {
        isDeleting = false
        replyCount = 0
        try send(pipeline.commands)
    }

    fileprivate func delete() throws(SocketError) {
        isDeleting = true
        replyCount = 0
        deletes.removeAll(keepingCapacity: true)
        for id in ids { deletes.append(.delete(id)) }
        try send(deletes)
    }

    override func takeInput() throws(SocketError) {
        var position = 0
        let isRight = takeReplies(&position)
        input.removeSubrange(..<position)
        // More than one line is not left, and an answer that is none may be a part of a line.
        guard isRight else { return failUnexpectedly() }
        guard replyCount == ids.count else { return }
        guard input.isEmpty else { return failUnexpectedly() }
        try pipeline.clientIsDone()
    }

    /// - Returns: Whether all are as they should be.
    private func takeReplies(_ position: inout Int) -> Bool {
        let input = input
        let replies = input.span
        while replyCount < ids.count, position < replies.count {
            guard let end = replies.endOfLine(from: position) else { break }
            var field = position
            if isDeleting {
                guard replies.skip("DELETED\r\n", &field) else { return false }
            } else {
                guard replies.skip("INSERTED ", &field), let id = replies.takeNumber(&field),
                    replies.skip("\r\n", &field)
                else { return false }
                ids[replyCount] = id
            }
            guard field == end else { return false }
            position = end
            replyCount += 1
        }
        return true
    }
}
