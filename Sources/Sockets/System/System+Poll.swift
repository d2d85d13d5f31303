// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    static func poll(_ entries: inout [PollEntry], timeout: Duration?) -> Result<Int, Errno> {
        assert(MemoryLayout<PollEntry>.size == MemoryLayout<pollfd>.size)
        var span = entries.mutableSpan
        // SAFETY: PollEntry is laid out as pollfd, and both are plain bytes; the kernel writes only within the count.
        let result = unsafe span.withUnsafeMutableBytes { bytes in
            let list = unsafe bytes.assumingMemoryBound(to: pollfd.self)
            return unsafe ppoll(list.baseAddress, list.count, timeout)
        }
        return result.map(Int.init)
    }

    static func poll(
        _ descriptor: FileDescriptor, _ events: PollEvents, timeout: Duration?
    ) -> Result<PollEvents, Errno> {
        var entry = pollfd(fd: descriptor.rawValue, events: events.rawValue, revents: 0)
        // SAFETY: one entry, valid during the call.
        let result = unsafe withUnsafeMutablePointer(to: &entry) { unsafe ppoll($0, 1, timeout) }
        return result.map { _ in PollEvents(rawValue: entry.revents) }
    }

    private static func ppoll(
        _ list: UnsafeMutablePointer<pollfd>?, _ count: Int, _ timeout: Duration?
    ) -> Result<Int32, Errno> {
        valueOrErrno(retryOnInterrupt: false) {
            unsafe csockets_ppoll(list, nfds_t(count), nanoseconds(timeout))
        }
    }

    /// A timeout as `ppoll` takes it: -1 for none, and for what 64 bits of nanoseconds do not hold.
    private static func nanoseconds(_ timeout: Duration?) -> Int64 {
        guard let timeout, timeout < .seconds(290 * 365 * 86_400) else { return -1 }
        let (seconds, attoseconds) = max(timeout, .zero).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
