// SPDX-License-Identifier: Apache-2.0

internal import Sockets
internal import Synchronization
internal import SystemPackage

/// The calls that wait for their turn to send, on all channels of a loop. There are few of them at any time: two tasks
/// that send on one connection at once are rare.
struct SendQueues {
    /// `@safe`: the continuation is resumed exactly once, by whoever takes the waiter out of its queue.
    @safe
    struct Waiter {
        let id: UInt64
        /// Resumed with `true` when it is this call's turn, with `false` when it should look around.
        let continuation: UnsafeContinuation<Bool, Never>
    }

    private var queues: [ObjectIdentifier: [Waiter]] = [:]
    private var nextID: UInt64 = 0

    mutating func makeID() -> UInt64 {
        nextID += 1
        return nextID
    }

    mutating func append(_ waiter: Waiter, on channel: Channel) {
        queues[ObjectIdentifier(channel), default: []].append(waiter)
    }

    /// Takes the first call out, and says whether it was the last.
    mutating func removeFirst(on channel: Channel) -> (waiter: Waiter?, isEmpty: Bool) {
        let key = ObjectIdentifier(channel)
        guard var queue = queues[key], !queue.isEmpty else { return (nil, true) }
        let first = queue.removeFirst()
        queues[key] = queue.isEmpty ? nil : queue
        return (first, queue.isEmpty)
    }

    mutating func remove(_ id: UInt64, on channel: Channel) -> Waiter? {
        let key = ObjectIdentifier(channel)
        guard var queue = queues[key], let index = queue.firstIndex(where: { $0.id == id }) else {
            return nil
        }
        let waiter = queue.remove(at: index)
        queues[key] = queue.isEmpty ? nil : queue
        return waiter
    }

    mutating func removeAll(on channel: Channel) -> [Waiter] {
        queues.removeValue(forKey: ObjectIdentifier(channel)) ?? []
    }
}

extension Channel {
    /// Sends what can be sent at once, if it is nobody else's turn: nearly always that is all of it.
    ///
    /// - Returns: The number of bytes sent. If that is some of them but not all, the call goes on, with the claim; if
    ///   it is none, the call has not begun.
    @inline(__always)
    func sendNow(_ bytes: RawSpan) throws(SocketError) -> Int {
        guard !isGreedy, !use.has(.sendersWait) else { return 0 }
        switch use.enter(.sending) {
        case .entered: break
        case .closed: throw SocketError(.send, .closed)
        case .inUse: return 0
        }
        let sent: Int
        do throws(SocketError) {
            sent = try socket.trySend(bytes) ?? 0
        } catch {
            endSending()
            throw error
        }
        if sent > 0 { touch() }
        if sent == 0 || sent == bytes.byteCount { endSending() }
        return sent
    }

    /// Begins a call that sends; waits while another one does, so that their bytes do not mix. First come, first
    /// served.
    func beginSending(_ patience: inout Patience) async throws(SocketError) {
        switch use.enter(.sending) {
        case .entered: return
        case .closed: throw SocketError(patience.operation, .closed)
        case .inUse: try await waitForTurn(&patience)
        }
    }

    private func waitForTurn(_ patience: inout Patience) async throws(SocketError) {
        try enter([], patience.operation)
        let id = loop.senders.withLock { $0.makeID() }
        let time = min(patience.deadline, totalDeadline.load(ordering: .sequentiallyConsistent))
        let timer = time == .max ? nil : loop.addTimer(at: time, .call { self.dismissSender(id) })
        let isMyTurn = await withTaskCancellationHandler {
            await unsafe withUnsafeContinuation { continuation in
                unsafe add(SendQueues.Waiter(id: id, continuation: continuation))
                // Ended before there was anything to find: each mark is set before its handler runs.
                if Task.isCancelled || use.has(.closed) || time <= LoopThread.now() { dismissSender(id) }
            }
        } onCancel: {
            dismissSender(id)
        }
        if let timer { loop.cancelTimer(timer) }
        if isMyTurn { return }
        let reason: SocketError.Reason =
            use.has(.closed) ? .closed : Task.isCancelled ? .cancelled : .system(.timedOut)
        leave([])
        throw SocketError(patience.operation, reason)
    }

    private func add(_ waiter: SendQueues.Waiter) {
        let isMyTurn = loop.senders.withLock { senders in
            if use.claimSendingOrWait() { return true }
            senders.append(waiter, on: self)
            return false
        }
        if isMyTurn { unsafe waiter.continuation.resume(returning: true) }
    }

    /// Ends a call that sends, and gives its turn to the next.
    func endSending() {
        if let isLast = use.leaveSending() {
            if isLast { destroy() }
            return
        }
        let next = loop.senders.withLock { senders in
            let (next, isEmpty) = senders.removeFirst(on: self)
            if isEmpty { use.clear(.sendersWait) }
            return next
        }
        if let next {
            // The claim stays set: it is the next call's now.
            unsafe next.continuation.resume(returning: true)
            leave([])
        } else {
            // Nobody was left of those who waited. Somebody may have begun to wait since then, so it is looked at
            // again.
            endSending()
        }
    }

    private func dismissSender(_ id: UInt64) {
        // Never resumed under the lock: the task might take it.
        if let waiter = loop.senders.withLock({ $0.remove(id, on: self) }) {
            unsafe waiter.continuation.resume(returning: false)
        }
    }

    func dismissSenders() {
        guard use.has(.sendersWait) else { return }
        for waiter in loop.senders.withLock({ $0.removeAll(on: self) }) {
            unsafe waiter.continuation.resume(returning: false)
        }
    }
}
