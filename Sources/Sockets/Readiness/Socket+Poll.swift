// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// A descriptor that ``Socket/poll(_:timeout:retryOnInterrupt:)`` watches, and what it found.
public struct PollEntry: Hashable, Sendable, BitwiseCopyable {
    // Laid out as `struct pollfd`, so that an array of entries is passed to the kernel as it is.
    private var rawDescriptor: Int32
    private var rawEvents: Int16
    private var rawReturnedEvents: Int16

    /// An entry that waits for some events on a descriptor.
    public init(_ descriptor: FileDescriptor, _ events: PollEvents) {
        rawDescriptor = descriptor.rawValue
        rawEvents = events.rawValue
        rawReturnedEvents = 0
    }

    /// The descriptor. It must stay open during the call; a negative one is passed over.
    public var descriptor: FileDescriptor {
        get { FileDescriptor(rawValue: rawDescriptor) }
        set { rawDescriptor = newValue.rawValue }
    }

    /// What to wait for.
    public var events: PollEvents {
        get { PollEvents(rawValue: rawEvents) }
        set { rawEvents = newValue.rawValue }
    }

    /// What the last call found; empty if nothing.
    public var returnedEvents: PollEvents {
        PollEvents(rawValue: rawReturnedEvents)
    }
}

extension Socket {
    /// Waits until something happens on one of any number of descriptors.
    ///
    /// - Parameters:
    ///   - entries: The descriptors and what to wait for; each gets its ``PollEntry/returnedEvents``.
    ///   - timeout: How long to wait: zero only looks, `nil` waits for ever. The system's clock counts nanoseconds.
    ///   - retryOnInterrupt: Whether to go on waiting, for the rest of the time, when a signal interrupts the call;
    ///     otherwise it throws `EINTR`.
    /// - Returns: How many entries have events; 0 when the time is over.
    /// - Throws: `SocketError`; a negative time-out is refused without a system call.
    ///
    /// The corresponding C function is `ppoll`.
    @discardableResult
    public static func poll(
        _ entries: inout [PollEntry], timeout: Duration?, retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        if let timeout, timeout < .zero { throw SocketError(.poll, .invalid(.negative)) }
        let deadline = timeout.map { Deadline(after: $0) }
        while true {
            switch System.poll(&entries, timeout: deadline?.remaining) {
            case .success(let count): return count
            case .failure(.interrupted) where retryOnInterrupt: continue
            case .failure(let errno): throw SocketError(.poll, .system(errno))
            }
        }
    }

    /// Waits until something happens on this socket.
    ///
    /// - Parameters:
    ///   - events: What to wait for.
    ///   - timeout: How long to wait: zero only looks, `nil` waits for ever.
    ///   - retryOnInterrupt: Whether to go on waiting when a signal interrupts the call; otherwise it throws `EINTR`.
    /// - Returns: What happened; empty when the time is over.
    /// - Throws: `SocketError`; a negative time-out is refused without a system call.
    ///
    /// The corresponding C function is `ppoll`.
    public func wait(
        for events: PollEvents, timeout: Duration?, retryOnInterrupt: Bool = true
    ) throws(SocketError) -> PollEvents {
        if let timeout, timeout < .zero { throw SocketError(.poll, .invalid(.negative)) }
        let deadline = timeout.map { Deadline(after: $0) }
        while true {
            switch System.poll(descriptor, events, timeout: deadline?.remaining) {
            case .success(let events): return events
            case .failure(.interrupted) where retryOnInterrupt: continue
            case .failure(let errno): throw SocketError(.poll, .system(errno))
            }
        }
    }
}
