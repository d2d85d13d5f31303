// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import SystemPackage

extension System {
    static func send(
        _ descriptor: FileDescriptor, gathering first: RawSpan, _ second: RawSpan, _ flags: SendFlags,
        retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        // SAFETY: both spans are borrowed for the whole call, and sendmsg only reads, though iovec cannot say so.
        unsafe first.withUnsafeBytes { first in
            unsafe second.withUnsafeBytes { second in
                unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
                    unsafe parts.initializeElement(at: 0, to: iovec(reading: first))
                    unsafe parts.initializeElement(at: 1, to: iovec(reading: second))
                    return unsafe sendMessage(
                        descriptor, parts, to: nil, control: [], flags, retryOnInterrupt: retryOnInterrupt)
                }
            }
        }
    }

    static func receive(
        _ descriptor: FileDescriptor, scatteringInto first: inout OutputRawSpan, _ second: inout OutputRawSpan,
        _ flags: ReceiveFlags, retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        // SAFETY: the kernel writes within the free bytes of each, first the one, then the other.
        unsafe first.withUnsafeMutableBytes { first, firstCount in
            unsafe second.withUnsafeMutableBytes { second, secondCount in
                unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
                    let firstFree = unsafe UnsafeMutableRawBufferPointer(rebasing: first[firstCount...])
                    let secondFree = unsafe UnsafeMutableRawBufferPointer(rebasing: second[secondCount...])
                    unsafe parts.initializeElement(
                        at: 0, to: iovec(iov_base: firstFree.baseAddress, iov_len: firstFree.count))
                    unsafe parts.initializeElement(
                        at: 1, to: iovec(iov_base: secondFree.baseAddress, iov_len: secondFree.count))
                    var control: [UInt8] = []
                    let result = unsafe receiveMessage(
                        descriptor, parts, control: &control, flags, retryOnInterrupt: retryOnInterrupt)
                    if case .success(let message) = result {
                        let inFirst = min(message.byteCount, firstFree.count)
                        firstCount += inFirst
                        secondCount += min(message.byteCount - inFirst, secondFree.count)
                    }
                    return result.map(\.byteCount)
                }
            }
        }
    }
}

extension iovec {
    /// A piece of memory that the call it is for only reads.
    init(reading bytes: UnsafeRawBufferPointer) {
        unsafe self.init(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }
}

extension IOVector {
    /// Calls `body` with the contents of all buffers, for a call that only reads them.
    func withContents<R>(_ body: (UnsafeMutableBufferPointer<iovec>) -> R) -> R {
        // SAFETY: every range is within the storage, which is borrowed for the closure.
        unsafe storage.withUnsafeBytes { bytes in
            unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: buffers.count) { parts in
                for (index, buffer) in buffers.enumerated() {
                    let range = buffer.offset..<buffer.offset + buffer.count
                    unsafe parts.initializeElement(
                        at: index, to: iovec(reading: UnsafeRawBufferPointer(rebasing: bytes[range])))
                }
                return unsafe body(parts)
            }
        }
    }

    /// Calls `body` with the whole capacity of all buffers, for a call that writes into them.
    mutating func withCapacities<R>(_ body: (UnsafeMutableBufferPointer<iovec>) -> R) -> R {
        // SAFETY: every range is within the storage, which is borrowed exclusively for the closure.
        unsafe storage.withUnsafeMutableBytes { bytes in
            unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: buffers.count) { parts in
                for (index, buffer) in buffers.enumerated() {
                    let range = buffer.offset..<buffer.offset + buffer.capacity
                    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[range])
                    unsafe parts.initializeElement(
                        at: index, to: iovec(iov_base: part.baseAddress, iov_len: part.count))
                }
                return unsafe body(parts)
            }
        }
    }
}
