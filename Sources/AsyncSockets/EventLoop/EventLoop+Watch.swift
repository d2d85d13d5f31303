// SPDX-License-Identifier: Apache-2.0

public import Sockets
public import SystemPackage

/// The tasks that wait for descriptors.
struct Watches {
    /// `@safe`: the continuation is resumed exactly once, by whoever takes the watch out of the list.
    @safe
    struct Watch {
        var descriptor: FileDescriptor
        /// Resumed with what happened; with `nil` when the task is cancelled.
        var continuation: UnsafeContinuation<PollEvents?, Never>
    }

    private var waiting: [UInt64: Watch] = [:]
    // Odd, as no channel's address is.
    private var nextToken: UInt64 = 1

    var isEmpty: Bool { waiting.isEmpty }

    mutating func makeToken() -> UInt64 {
        nextToken += 2
        return nextToken
    }

    mutating func add(_ token: UInt64, _ watch: Watch) {
        waiting[token] = watch
    }

    mutating func remove(_ token: UInt64) -> Watch? {
        waiting.removeValue(forKey: token)
    }

    mutating func removeAll() -> [Watch] {
        defer { waiting.removeAll() }
        return Array(waiting.values)
    }
}

extension EventLoop {
    /// Waits until something happens on a descriptor that others own: a process's pidfd, a database client's socket.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor. It must stay open until the call returns, and only one task at a time may wait
    ///     for it on this loop.
    ///   - events: What to wait for. `PollEvents.error` and `PollEvents.hangUp` are always reported.
    /// - Returns: What happened; empty when the task was cancelled.
    /// - Throws: `SocketError`: `EEXIST` if a task waits for the descriptor already, `EPERM` for a regular file, which
    ///   is always ready; what has become of the loop, if it cannot wait for events any more.
    ///
    /// The corresponding C functions are `epoll_ctl` with `EPOLLONESHOT`, and `epoll_wait`.
    public func wait(
        for events: PollEvents, on descriptor: FileDescriptor
    ) async throws(SocketError) -> PollEvents {
        let token = watches.withLock { $0.makeToken() }
        var failure: Errno?
        let result = await withTaskCancellationHandler {
            // SAFETY: whoever takes the watch out of the list resumes the task, and only one can.
            await unsafe withUnsafeContinuation { continuation in
                failure = startWatch(
                    token, unsafe Watches.Watch(descriptor: descriptor, continuation: continuation), events)
                // Cancelled before there was a watch for the handler to find: the task is marked before the handler
                // runs, so either the handler finds the watch or this finds the mark.
                if failure == nil, Task.isCancelled { endWatch(token, nil) }
            }
        } onCancel: {
            endWatch(token, nil)
        }
        if let failure { throw SocketError(.eventLoop, .system(failure)) }
        if let result { return result }
        if !Task.isCancelled, let failure = self.failure { throw failure }
        return []
    }

    private func startWatch(_ token: UInt64, _ watch: Watches.Watch, _ events: PollEvents) -> Errno? {
        // Both under the lock, so that no watch is in the list whose descriptor is not this watch's to remove.
        let result: Result<Void, Errno> = watches.withLock { watches in
            if let failure = registered.withLock(\.failure) { return .failure(failure) }
            let result = poller.watchOnce(watch.descriptor, events, token: token)
            if case .success = result { watches.add(token, watch) }
            return result
        }
        if case .failure(let errno) = result {
            unsafe watch.continuation.resume(returning: nil)
            return errno
        }
        if !isCurrent { ensureRunning() }
        return nil
    }

    /// Resumes the task behind a token, if nobody else has.
    private func endWatch(_ token: UInt64, _ events: PollEvents?) {
        let ended = watches.withLock { watches in
            let ended = watches.remove(token)
            if let ended { poller.remove(ended.descriptor) }
            return ended
        }
        guard let ended else { return }
        // Never resumed under the lock: the task might take it.
        unsafe ended.continuation.resume(returning: events)
        // A stopping loop may have waited for just this watch.
        wakeIfWaiting()
    }

    /// Resumes every task that waits for a descriptor, as if it were cancelled.
    func endAllWatches() {
        for watch in watches.withLock({ $0.removeAll() }) { unsafe watch.continuation.resume(returning: nil) }
    }

    func watchHasEvents(_ token: UInt64, _ events: PollEvents) {
        endWatch(token, events)
    }
}
