// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import Sockets
internal import SystemPackage

/// An epoll instance and an eventfd that wakes it, `epoll(7)` and `eventfd(2)`.
@safe
struct Poller: ~Copyable, @unchecked Sendable {
    // `@safe`, `@unchecked`: `events` is memory of this value's own that only wait uses, and only the loop's thread
    // waits.
    private let epoll: FileDescriptor
    private let wakeUp: FileDescriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>

    /// What the kernel gives back with an event. A channel's is its address, which is even; the others are odd.
    private static let wakeUpToken = UInt64.max

    init() throws(SocketError) {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll != -1 else { throw SocketError(.eventLoop, .system(Errno(rawValue: errno))) }
        let wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard wakeUp != -1 else {
            let error = Errno(rawValue: errno)
            close(epoll)
            throw SocketError(.eventLoop, .system(error))
        }
        self.epoll = FileDescriptor(rawValue: epoll)
        self.wakeUp = FileDescriptor(rawValue: wakeUp)
        unsafe events = .allocate(capacity: 256)
    }

    /// Makes the eventfd wake the thread that waits. To be called once, before ``wake()``.
    ///
    /// - Throws: `SocketError`, also when waiting is refused, so that a loop that could never wait is never made.
    func prepare() throws(SocketError) {
        // Edge-triggered, so that the count need never be read: each write is an edge.
        if case .failure(let error) = add(wakeUp, EPOLLIN.rawValue | EPOLLET.rawValue, token: Self.wakeUpToken) {
            throw SocketError(.eventLoop, .system(error))
        }
        if let error = wait(timeout: 0, { _, _ in }).failure { throw SocketError(.eventLoop, .system(error)) }
    }

    deinit {
        close(epoll.rawValue)
        close(wakeUp.rawValue)
        unsafe events.deallocate()
    }

    /// Wakes the thread that waits, or the next one that would. Any thread may call it.
    func wake() {
        eventfd_write(wakeUp.rawValue, 1)
    }

    /// Watches a descriptor until it has one of the events, once.
    func watchOnce(_ descriptor: FileDescriptor, _ events: PollEvents, token: UInt64) -> Result<Void, Errno> {
        // The POLL constants have the values of the EPOLL constants, on Linux.
        add(descriptor, UInt32(UInt16(bitPattern: events.rawValue)) | EPOLLONESHOT.rawValue, token: token)
    }

    /// Watches a descriptor until it is removed: each change of what can be done with it is one event.
    func watchEdges(_ descriptor: FileDescriptor, token: UInt64) -> Result<Void, Errno> {
        let input = EPOLLIN.rawValue | EPOLLPRI.rawValue | EPOLLRDHUP.rawValue
        let events = input | EPOLLOUT.rawValue | EPOLLET.rawValue
        return add(descriptor, events, token: token)
    }

    func remove(_ descriptor: FileDescriptor) {
        // An error says that the descriptor is not watched.
        _ = epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, descriptor.rawValue, nil)
    }

    private func add(_ descriptor: FileDescriptor, _ events: UInt32, token: UInt64) -> Result<Void, Errno> {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: token))
        // SAFETY: the kernel copies the event during the call.
        let result = unsafe epoll_ctl(epoll.rawValue, EPOLL_CTL_ADD, descriptor.rawValue, &event)
        return result == 0 ? .success(()) : .failure(Errno(rawValue: errno))
    }

    /// Waits for events and calls `body` with the token of each and what happened to it.
    ///
    /// - Parameter timeout: In nanoseconds; a negative one waits for ever.
    @inline(__always)
    func wait(timeout: Int64, _ body: (_ token: UInt64, _ events: PollEvents) -> Void) -> WaitResult {
        // SAFETY: the kernel writes at most as many events as there is room for.
        let count = unsafe csockets_epoll_wait(epoll.rawValue, events.baseAddress, Int32(events.count), timeout)
        // A signal that interrupts the wait is one more reason to look around.
        if count < 0, errno != EINTR { return WaitResult(eventCount: 0, failure: Errno(rawValue: errno)) }
        for index in 0..<Int(max(0, count)) {
            let event = unsafe events[index]
            let token = unsafe event.data.u64
            if token != Self.wakeUpToken {
                body(token, PollEvents(rawValue: Int16(truncatingIfNeeded: unsafe event.events)))
            }
        }
        return WaitResult(eventCount: Int(max(0, count)), failure: nil)
    }

    /// What a wait has come to.
    struct WaitResult {
        /// How many events there were, with the wake-up.
        var eventCount: Int
        /// Why it is impossible to wait.
        var failure: Errno?
    }

    /// Waits for a wake-up only, without epoll: for a loop that cannot wait for events any more, but still has jobs and
    /// timers.
    ///
    /// - Parameter timeout: In nanoseconds; a negative one waits for ever.
    func waitForWakeUp(timeout: Int64) {
        var entry = pollfd(fd: wakeUp.rawValue, events: Int16(POLLIN), revents: 0)
        // SAFETY: the entry is there during the call.
        let count = unsafe csockets_ppoll(&entry, 1, timeout)
        if count > 0, entry.revents & Int16(POLLIN) != 0 {
            var value: eventfd_t = 0
            // SAFETY: the number is written during the call.
            unsafe eventfd_read(wakeUp.rawValue, &value)
        } else if count > 0 || (count < 0 && errno != EINTR) {
            // The eventfd is gone as well: all that is left is to look around now and then.
            usleep(10_000)
        }
    }
}
