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
        guard let timeout else {
            return valueOrErrno(retryOnInterrupt: false) { unsafe csockets_ppoll(list, nfds_t(count), nil) }
        }
        let (seconds, attoseconds) = timeout.components
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        return valueOrErrno(retryOnInterrupt: false) { unsafe csockets_ppoll(list, nfds_t(count), &time) }
    }
}
