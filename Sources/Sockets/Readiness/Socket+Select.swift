// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// The descriptors that ``Socket/select(reading:writing:exceptional:timeout:retryOnInterrupt:)`` found ready, each list
/// in the order in which its descriptors were given.
public struct Selection: Hashable, Sendable {
    /// Those from which receiving, or accepting, would not wait.
    public var readable: [FileDescriptor]
    /// Those to which sending would not wait.
    public var writable: [FileDescriptor]
    /// Those with something exceptional, such as TCP's urgent byte.
    public var exceptional: [FileDescriptor]

    /// Whether nothing is ready: the time was over.
    public var isEmpty: Bool {
        readable.isEmpty && writable.isEmpty && exceptional.isEmpty
    }
}

extension Socket {
    /// Waits until one of some descriptors can be read from or written to.
    ///
    /// This is `select(2)`'s work done by `poll(2)`, so that neither the number of descriptors nor their values are
    /// limited to 1024.
    ///
    /// - Parameters:
    ///   - reading: Descriptors to receive or accept from.
    ///   - writing: Descriptors to send to, or that are connecting.
    ///   - exceptional: Descriptors to watch for something exceptional.
    ///   - timeout: How long to wait: zero only looks, `nil` waits for ever.
    ///   - retryOnInterrupt: Whether to go on waiting when a signal interrupts the call; otherwise it throws `EINTR`.
    /// - Returns: The descriptors that are ready.
    /// - Throws: `SocketError`, with `EBADF` if a descriptor is not open.
    public static func select(
        reading: [FileDescriptor], writing: [FileDescriptor] = [], exceptional: [FileDescriptor] = [],
        timeout: Duration?, retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Selection {
        var entries: [PollEntry] = []
        entries.reserveCapacity(reading.count + writing.count + exceptional.count)
        entries += reading.map { PollEntry($0, .readable) }
        entries += writing.map { PollEntry($0, .writable) }
        entries += exceptional.map { PollEntry($0, .priority) }

        do throws(SocketError) {
            try poll(&entries, timeout: timeout, retryOnInterrupt: retryOnInterrupt)
        } catch {
            throw SocketError(.select, error.reason)
        }
        if entries.contains(where: { $0.returnedEvents.contains(.invalid) }) {
            throw SocketError(.select, .system(.badFileDescriptor))
        }

        // As select(2) sorts poll's events: an error makes a descriptor both readable and writable, and a hang-up
        // makes it readable.
        func ready(_ range: Range<Int>, _ events: PollEvents) -> [FileDescriptor] {
            entries[range].filter { !$0.returnedEvents.isDisjoint(with: events) }.map(\.descriptor)
        }
        let writingEnd = reading.count + writing.count
        return Selection(
            readable: ready(0..<reading.count, [.readable, .hangUp, .error]),
            writable: ready(reading.count..<writingEnd, [.writable, .error]),
            exceptional: ready(writingEnd..<entries.count, .priority))
    }
}
