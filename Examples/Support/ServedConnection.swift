// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
public import Sockets
import SystemPackage

/// One client of a ``Server``.
public struct ServedConnection: Sendable {
    private let connection: Connection
    private let limits: Limits
    private let budget: MemoryBudget

    init(_ connection: Connection, _ limits: Limits, _ budget: MemoryBudget) {
        self.connection = connection
        self.limits = limits
        self.budget = budget
    }

    /// What a client has asked.
    public struct Request {
        /// The request, at most as long as the limit.
        public fileprivate(set) var bytes: [UInt8] = []
        /// The beginning of what came after the limit, if anything did.
        public fileprivate(set) var excess: [UInt8] = []
        fileprivate let memory: MemoryBudget.Share

        /// Makes room for so many more bytes.
        fileprivate mutating func reserve(_ count: Int, limit: Int) throws(SocketError) {
            guard bytes.capacity - bytes.count < count else { return }
            let capacity = max(min(2 * bytes.count, limit), bytes.count + count)
            // The first of it is free, so that large requests cannot keep small ones out.
            try memory.grow(to: max(0, capacity - 65_536))
            bytes.reserveCapacity(capacity)
        }
    }

    /// Receives one request.
    ///
    /// The tutorial's protocol has no end of a request, so this decides: it is complete at the end of the stream, at
    /// the limit, or when what has arrived ends in a line feed and nothing follows for a moment.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the request is not complete in time, with `ENOBUFS` when all
    ///   requests together take more memory than the server allows.
    public func receiveRequest(limit: Int) async throws(SocketError) -> Request {
        var request = Request(memory: MemoryBudget.Share(of: budget))
        let deadline = Deadline(limits.deadline)
        while request.bytes.count < limit {
            // What a client has sent so far is what it gets room for again: nothing is set aside for one that is
            // silent.
            let count = min(limit - request.bytes.count, max(4096, min(request.bytes.count, 65_536)))
            try request.reserve(count, limit: limit)
            let mayBeComplete = request.bytes.last == UInt8(ascii: "\n")
            let timeout = deadline.remaining(atMost: mayBeComplete ? .milliseconds(limits.pause) : nil)
            guard let received = try await receive(upTo: count, into: &request.bytes, timeout) else {
                if mayBeComplete { return request }
                throw SocketError(.receive, .system(.timedOut), subject: .address(connection.peerAddress))
            }
            if received == 0 { return request }
        }
        _ = try await receive(upTo: 256, into: &request.excess, .milliseconds(limits.pause))
        return request
    }

    /// Sends text as UTF-8.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the client does not take it in time.
    public func send(_ text: String) async throws(SocketError) {
        try await connection.send(text, timeout: limits.deadline)
    }

    /// Sends bytes.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the client does not take them in time.
    public func send(_ bytes: [UInt8]) async throws(SocketError) {
        try await connection.send(bytes, timeout: limits.deadline)
    }

    /// Sends text as UTF-8 and bytes after it, as one piece.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the client does not take it in time.
    public func send(_ text: String, _ bytes: [UInt8]) async throws(SocketError) {
        // SAFETY: reading initialised UInt8s as raw bytes; both are borrowed for the call.
        let (head, rest) = unsafe (text.utf8Span.span.bytes, bytes.span.bytes)
        try await connection.send(gathering: head, rest, timeout: limits.deadline)
    }

    /// Appends what has arrived, and returns how much it was; `nil` if nothing has arrived in time.
    private func receive(
        upTo count: Int, into bytes: inout [UInt8], _ timeout: Duration?
    ) async throws(SocketError) -> Int? {
        do throws(SocketError) {
            return try await connection.receive(into: &bytes, upTo: count, timeout: timeout)
        } catch {
            guard error.errno == .timedOut else { throw error }
            return nil
        }
    }
}

/// When something has to be done, if ever.
struct Deadline {
    private let instant: ContinuousClock.Instant?

    init(_ timeout: Duration?) {
        instant = timeout.map { .now + $0 }
    }

    /// The time left, or a shorter limit; `nil` if there is no end.
    func remaining(atMost limit: Duration? = nil) -> Duration? {
        guard let instant else { return limit }
        let left = max(.zero, ContinuousClock.Instant.now.duration(to: instant))
        return limit.map { min($0, left) } ?? left
    }
}
