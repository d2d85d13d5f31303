// SPDX-License-Identifier: Apache-2.0

public import Sockets
import SystemPackage

/// One client of a ``Server``.
public struct Connection: ~Copyable {
    /// The client's address.
    public let peer: SocketAddress
    private let socket: Socket
    private let limits: Limits
    private let budget: MemoryBudget

    init(_ socket: consuming Socket, peer: SocketAddress, limits: Limits, budget: MemoryBudget) {
        self.socket = socket
        self.peer = peer
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
    public func receiveRequest(limit: Int) throws(SocketError) -> Request {
        var request = Request(memory: MemoryBudget.Share(of: budget))
        let deadline = Deadline(limits.deadline)
        while request.bytes.count < limit {
            let pause: Duration? = request.bytes.last == UInt8(ascii: "\n") ? .milliseconds(limits.pause) : nil
            guard try isReadable(within: deadline.remaining(atMost: pause)) else {
                if pause != nil { return request }
                throw SocketError(.receive, .system(.timedOut))
            }
            let count = min(limit - request.bytes.count, 65_536)
            try request.reserve(count, limit: limit)
            if try receive(upTo: count, into: &request.bytes) == 0 { return request }
        }
        if try isReadable(within: .milliseconds(limits.pause)) {
            _ = try receive(upTo: 256, into: &request.excess)
        }
        return request
    }

    /// Sends text as UTF-8.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the client does not take it in time.
    public func send(_ text: String) throws(SocketError) {
        try socket.sendAll(text, timeout: limits.deadline)
    }

    /// Sends bytes.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the client does not take them in time.
    public func send(_ bytes: [UInt8]) throws(SocketError) {
        try socket.sendAll(bytes, timeout: limits.deadline)
    }

    /// Closes the connection so that the client gets all of the reply.
    ///
    /// Closing with unread input would reset the connection, and the client could lose the reply. So this ends the
    /// sending half first, and throws away what still comes, for at most ten seconds and 1 GiB.
    consuming func finish() throws(SocketError) {
        do throws(SocketError) {
            try socket.shutdown(.sending)
            let deadline = Deadline(.seconds(10))
            var discarded = 0
            while discarded < 1 << 30, try isReadable(within: deadline.remaining(atMost: nil)) {
                let count = try socket.receive(upTo: 65_536).count
                if count == 0 { break }
                discarded += count
            }
        } catch  where error.errno == .connectionReset || error.errno == .socketNotConnected {
            // The client is gone already: it has its reply, or did not want it.
        }
        try socket.close()
    }

    private func isReadable(within timeout: Duration?) throws(SocketError) -> Bool {
        try !socket.wait(for: .readable, timeout: timeout).isEmpty
    }

    /// Appends what has arrived and returns how much it was.
    private func receive(upTo count: Int, into bytes: inout [UInt8]) throws(SocketError) -> Int {
        var received = 0
        try bytes.append(addingCapacity: count) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            received = try socket.receive(into: &buffer)
        }
        return received
    }
}

/// When something has to be done, if ever.
struct Deadline {
    private let instant: ContinuousClock.Instant?

    init(_ timeout: Duration?) {
        instant = timeout.map { .now + $0 }
    }

    /// The time left, or a shorter limit; `nil` if there is no end.
    func remaining(atMost limit: Duration?) -> Duration? {
        guard let instant else { return limit }
        let left = max(.zero, ContinuousClock.Instant.now.duration(to: instant))
        return limit.map { min($0, left) } ?? left
    }
}
