// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Sockets
internal import Synchronization
internal import SystemPackage

/// Sockets that tasks wait for on an event loop: what a connection, a listener and a datagram socket have in common.
///
/// All of a channel's sockets, which are one for anything but a listener, share two wait slots: one for what receives
/// or accepts, one for what sends or connects. A channel is put on the poller by the first call that has to wait, for
/// both directions and edge-triggered, and never touched again until it is closed.
@safe
final class Channel: @unchecked Sendable {
    // `@safe`, `@unchecked`: `sockets` is set once, used only by calls that have entered `use`, and freed by whoever
    // closes, after the last of them has left; `exchange` belongs to the loop's thread, `registration` to a lock of the
    // loop's. Everything else is immutable or atomic.

    let loop: EventLoop
    let use = Use()
    /// Where a call that receives waits. Ready at first: what has arrived already makes no edge.
    let reader = WaitSlot(isReady: true)
    let writer = WaitSlot(isReady: false)
    private let sockets: UnsafeMutableBufferPointer<Socket>

    /// The task that serves the connection; 0 if there is none.
    private let owner = Atomic<UInt>(0)

    /// How many calls in a row had no need to wait. A guess is good enough: it is counted without a lock.
    private let immediateCalls = Atomic<UInt8>(0)

    /// Nanoseconds without a byte after which a call that waits gives up; 0 for never.
    let idleLimit = Atomic<Int64>(0)
    /// When the last byte was moved or the last call began to wait.
    let lastActivity = Atomic<Int64>(0)
    /// The timer that looks at these; 0 if there is none.
    let idleTimer = Atomic<UInt64>(0)
    /// When every call that waits gives up.
    let totalDeadline = Atomic<Int64>(.max)
    let totalTimer = Atomic<UInt64>(0)
    /// Who is called in place of waking a task. Only code on the loop's thread uses it.
    var exchange: Exchange?
    /// Where the channel is in the loop's ``RegisteredChannels``, under whose lock it is used.
    var registration = 0

    init(_ socket: consuming Socket, on loop: EventLoop) {
        self.loop = loop
        // SAFETY: the memory is initialised here, and freed once, in takeSocket or destroy.
        unsafe sockets = .allocate(capacity: 1)
        unsafe sockets.initializeElement(at: 0, to: socket)
    }

    /// A channel of several sockets, one at least.
    init(_ list: consuming SocketList, on loop: EventLoop) {
        self.loop = loop
        var list = list
        // SAFETY: as above; there are as many sockets as room for them.
        unsafe sockets = .allocate(capacity: list.count)
        for index in unsafe sockets.indices {
            guard let socket = list.takeFirst() else { preconditionFailure("a list has as many sockets as it counts") }
            unsafe sockets.initializeElement(at: index, to: socket)
        }
    }

    // MARK: The owner

    /// Makes this task the channel's owner: whoever cancels it calls ``cancelOwner()`` too, so that its calls need no
    /// cancellation handlers. Until the channel is closed.
    func belongToThisTask() {
        owner.store(Self.thisTask, ordering: .sequentiallyConsistent)
    }

    var isOwnedByThisTask: Bool {
        let owner = owner.load(ordering: .relaxed)
        return owner != 0 && owner == Self.thisTask
    }

    /// Wakes the owner if it waits here, and keeps it from waiting here again.
    func cancelOwner() {
        use.set(.ownerCancelled)
        wake()
    }

    private static var thisTask: UInt {
        UInt(bitPattern: unsafe swift_task_getCurrent())
    }

    // MARK: Calls

    /// Begins a call.
    ///
    /// - Throws: `SocketError` when the channel is closed, or another call has the claim.
    func enter(_ claim: Use.Claim, _ operation: SocketError.Operation) throws(SocketError) {
        switch use.enter(claim) {
        case .entered: return
        case .closed: throw SocketError(operation, .closed)
        case .inUse: throw SocketError(operation, .inUse)
        }
    }

    /// Ends a call.
    func leave(_ claim: Use.Claim) {
        if use.leave(claim) { destroy() }
    }

    /// Calls `body` with a socket, as a call of its own that never waits.
    func withSocket<Result: ~Copyable>(
        _ operation: SocketError.Operation, _ body: (borrowing Socket) throws(SocketError) -> Result
    ) throws(SocketError) -> Result {
        try enter([], operation)
        defer { leave([]) }
        return try body(socket)
    }

    /// The socket. Only a call that has entered may use it, until it leaves.
    var socket: Socket {
        // SAFETY: the memory is there from init until the last call has left a closed channel.
        @inline(__always) unsafeAddress { unsafe UnsafePointer(sockets.baseAddress.unsafelyUnwrapped) }
    }

    /// The number of sockets.
    var count: Int { unsafe sockets.count }

    /// A listener's sockets. Only a call that has entered may use them, until it leaves.
    subscript(index: Int) -> Socket {
        // SAFETY: as above, and the index is checked.
        unsafeAddress {
            precondition(index < (unsafe sockets.count))
            return unsafe UnsafePointer(sockets.baseAddress.unsafelyUnwrapped + index)
        }
    }

    func forEachDescriptor(_ body: (FileDescriptor) -> Void) {
        for index in unsafe sockets.indices {
            unsafe sockets[index].withDescriptor(body)
        }
    }

    // MARK: Events

    /// Called by the loop with what the poller says.
    func handle(_ events: PollEvents) {
        if let exchange { return exchange.handle(events) }
        if !events.isDisjoint(with: [.peerHalfClosed, .hangUp, .error, .priority]) {
            use.set(.shortReceivesLeaveMore)
            reader.wake()
        } else if events.contains(.readable) {
            reader.wake()
        }
        if !events.isDisjoint(with: [.writable, .hangUp, .error]) { writer.wake() }
    }

    /// Makes whatever waits look around.
    func wake() {
        reader.wake()
        writer.wake()
    }

    /// Says what a receive of a stream has got, so that the next one knows whether to wait without asking the kernel.
    ///
    /// - Parameter filled: Whether there may be more: the buffer has no room left, or nothing was taken.
    func received(leavesMore filled: Bool) {
        if filled || use.has(.shortReceivesLeaveMore) { reader.wake() }
        touch()
    }

    /// Whether it is time to let other tasks of the loop run, as no call has waited for long.
    var isGreedy: Bool {
        let count = immediateCalls.load(ordering: .relaxed) &+ 1
        immediateCalls.store(count, ordering: .relaxed)
        return count > Self.manyCalls
    }

    func hasWaited() {
        immediateCalls.store(0, ordering: .relaxed)
    }

    private static var manyCalls: UInt8 { 64 }

    // MARK: The end

    /// Closes the channel: wakes every call that waits, and closes the sockets as soon as the last call has left.
    ///
    /// Does nothing if it is closed already. Any thread may call it.
    func close() {
        let (isFirst, isUnused) = use.set(.closed)
        guard isFirst else { return }
        wake()
        dismissSenders()
        if isUnused { destroy() }
    }

    /// Takes the socket out of a channel that no call uses, and leaves the channel closed.
    func takeSocket(_ operation: SocketError.Operation) throws(SocketError) -> Socket {
        switch use.closeIfUnused() {
        case .entered: break
        case .closed: throw SocketError(operation, .closed)
        case .inUse: throw SocketError(operation, .inUse)
        }
        endWatching()
        // SAFETY: nobody but this call can get at the memory any more.
        let socket = unsafe sockets.moveElement(from: 0)
        unsafe sockets.deallocate()
        return socket
    }

    func destroy() {
        endWatching()
        if use.has(.mayLinger) { stopLingering() }
        // SAFETY: nobody but this call can get at the memory any more. Each socket is closed as it goes.
        unsafe sockets.deinitialize()
        unsafe sockets.deallocate()
    }

    /// Keeps close(2) from waiting until the peer has acknowledged all that was sent, which a non-blocking socket is
    /// not spared either. The kernel delivers it in the background, as long as it would have otherwise: a linger time
    /// changes only when the call returns.
    private func stopLingering() {
        for index in unsafe sockets.indices {
            guard let linger = try? unsafe sockets[index].get(.linger), linger.timeout ?? .zero > .zero else {
                continue
            }
            try? unsafe sockets[index].set(.linger, to: .background)
        }
    }

    private func endWatching() {
        if use.has(.registered) { loop.deregister(self) }
        cancelTimers()
    }
}
