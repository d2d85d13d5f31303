// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import SystemPackage

extension System {
    @inline(__always)
    static func send(
        _ descriptor: FileDescriptor, _ bytes: RawSpan, _ flags: SendFlags, retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        // SAFETY: the kernel reads as many bytes as the span has, during the call.
        unsafe bytes.withUnsafeBytes { buffer in
            valueOrErrno(retryOnInterrupt: retryOnInterrupt) {
                unsafe Glibc.send(
                    descriptor.rawValue, buffer.baseAddress, buffer.count,
                    flags.rawValue | Constants.messageNoSignal)
            }
        }
    }

    static func send(
        _ descriptor: FileDescriptor, _ bytes: RawSpan, to address: SocketAddress, _ flags: SendFlags,
        retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        let raw = RawAddress(address)
        // SAFETY: the kernel reads as many bytes as the span and the address have, during the call.
        return unsafe bytes.withUnsafeBytes { buffer in
            unsafe raw.withPointer { pointer, length in
                valueOrErrno(retryOnInterrupt: retryOnInterrupt) {
                    unsafe sendto(
                        descriptor.rawValue, buffer.baseAddress, buffer.count,
                        flags.rawValue | Constants.messageNoSignal, pointer, length)
                }
            }
        }
    }

    @inline(__always)
    static func receive(
        _ descriptor: FileDescriptor, _ buffer: inout OutputRawSpan, _ flags: ReceiveFlags, retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        // SAFETY: the kernel writes within the free bytes, and those it wrote are the ones counted as initialised.
        unsafe buffer.withUnsafeMutableBytes { bytes, initialized in
            let result = unsafe receive(descriptor, bytes, after: initialized, flags, retryOnInterrupt)
            if case .success(let count) = result {
                initialized += min(count, bytes.count - initialized)
            }
            return result
        }
    }

    @inline(__always)
    static func receive(
        _ descriptor: FileDescriptor, _ buffer: inout OutputSpan<UInt8>, _ flags: ReceiveFlags,
        retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        // SAFETY: the kernel writes within the free bytes, and those it wrote are the ones counted as initialised.
        unsafe buffer.withUnsafeMutableBufferPointer { elements, initialized in
            let bytes = UnsafeMutableRawBufferPointer(elements)
            let result = unsafe receive(descriptor, bytes, after: initialized, flags, retryOnInterrupt)
            if case .success(let count) = result {
                initialized += min(count, bytes.count - initialized)
            }
            return result
        }
    }

    /// TCP throws the bytes away that it is asked the real length of, and writes none: what is counted as received must
    /// not be whatever the memory held.
    @inline(__always)
    static func clear(_ free: UnsafeMutableRawBufferPointer, _ flags: ReceiveFlags) {
        // SAFETY: the bytes are free, and initialised here.
        if flags.contains(.realLength) { unsafe free.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    @inline(__always)
    private static func receive(
        _ descriptor: FileDescriptor, _ bytes: UnsafeMutableRawBufferPointer, after used: Int, _ flags: ReceiveFlags,
        _ retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        let free = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[used...])
        unsafe clear(free, flags)
        return valueOrErrno(retryOnInterrupt: retryOnInterrupt) {
            unsafe recv(descriptor.rawValue, free.baseAddress, free.count, flags.rawValue)
        }
    }
}
