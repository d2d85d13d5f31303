// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import SystemPackage

extension System {
    /// What recvmsg(2) reports, beside the bytes themselves.
    struct RawMessage {
        var byteCount: Int
        var sender: SocketAddress?
        var controlByteCount: Int
        var flags: MessageFlags
    }

    // SAFETY, for both functions: each iovec's memory is valid for its length and outlives the call (the callers see to
    // that), and so do the address and the control bytes, which are borrowed here.

    static func sendMessage(
        _ descriptor: FileDescriptor, _ parts: UnsafeMutableBufferPointer<iovec>, to address: SocketAddress?,
        control: [UInt8], _ flags: SendFlags, retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        var raw = address.map(RawAddress.init) ?? RawAddress()
        var control = control
        return unsafe control.withUnsafeMutableBytes { control in
            var header = unsafe msghdr()
            unsafe header.msg_iov = parts.baseAddress
            unsafe header.msg_iovlen = parts.count
            unsafe header.msg_control = control.isEmpty ? nil : control.baseAddress
            unsafe header.msg_controllen = control.count
            return unsafe raw.withMutablePointer { pointer, length in
                if address != nil {
                    unsafe header.msg_name = UnsafeMutableRawPointer(pointer)
                    unsafe header.msg_namelen = length.pointee
                }
                return valueOrErrno(retryOnInterrupt: retryOnInterrupt) {
                    unsafe sendmsg(descriptor.rawValue, &header, flags.rawValue | Constants.messageNoSignal)
                }
            }
        }
    }

    static func receiveMessage(
        _ descriptor: FileDescriptor, _ parts: UnsafeMutableBufferPointer<iovec>, control: inout [UInt8],
        _ flags: ReceiveFlags, retryOnInterrupt: Bool
    ) -> Result<RawMessage, Errno> {
        var raw = RawAddress()
        return unsafe control.withUnsafeMutableBytes { control in
            var header = unsafe msghdr()
            unsafe header.msg_iov = parts.baseAddress
            unsafe header.msg_iovlen = parts.count
            unsafe header.msg_control = control.isEmpty ? nil : control.baseAddress
            unsafe header.msg_controllen = control.count
            let result = unsafe raw.withMutablePointer { pointer, length in
                unsafe header.msg_name = UnsafeMutableRawPointer(pointer)
                unsafe header.msg_namelen = length.pointee
                return valueOrErrno(retryOnInterrupt: retryOnInterrupt) {
                    unsafe recvmsg(descriptor.rawValue, &header, flags.rawValue | Constants.messageCloseOnExec)
                }
            }
            unsafe raw.setLength(header.msg_namelen)
            return result.map {
                RawMessage(
                    byteCount: $0, sender: raw.address, controlByteCount: unsafe header.msg_controllen,
                    // The kernel gives back the flag that it was called with.
                    flags: MessageFlags(rawValue: unsafe header.msg_flags & ~Constants.messageCloseOnExec))
            }
        }
    }
}

extension System {
    static func sendMessage(
        _ descriptor: FileDescriptor, _ bytes: RawSpan, to address: SocketAddress?, control: [UInt8],
        _ flags: SendFlags, retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        // SAFETY: the span is borrowed for the call, and sendmsg only reads.
        unsafe bytes.withUnsafeBytes { bytes in
            var part = unsafe iovec(reading: bytes)
            return unsafe withUnsafeMutablePointer(to: &part) {
                unsafe sendMessage(
                    descriptor, UnsafeMutableBufferPointer(start: $0, count: 1), to: address, control: control, flags,
                    retryOnInterrupt: retryOnInterrupt)
            }
        }
    }

    static func sendMessage(
        _ descriptor: FileDescriptor, _ vector: IOVector, to address: SocketAddress?, control: [UInt8],
        _ flags: SendFlags, retryOnInterrupt: Bool
    ) -> Result<Int, Errno> {
        unsafe vector.withContents {
            unsafe sendMessage(
                descriptor, $0, to: address, control: control, flags, retryOnInterrupt: retryOnInterrupt)
        }
    }

    static func receiveMessage(
        _ descriptor: FileDescriptor, _ buffer: inout OutputRawSpan, control: inout [UInt8], _ flags: ReceiveFlags,
        retryOnInterrupt: Bool
    ) -> Result<RawMessage, Errno> {
        // SAFETY: the kernel writes within the free bytes, and those it wrote are the ones counted as initialised.
        unsafe buffer.withUnsafeMutableBytes { bytes, initialized in
            unsafe receiveMessage(descriptor, bytes, &initialized, control: &control, flags, retryOnInterrupt)
        }
    }

    static func receiveMessage(
        _ descriptor: FileDescriptor, _ buffer: inout OutputSpan<UInt8>, control: inout [UInt8],
        _ flags: ReceiveFlags, retryOnInterrupt: Bool
    ) -> Result<RawMessage, Errno> {
        // SAFETY: the kernel writes within the free bytes, and those it wrote are the ones counted as initialised.
        unsafe buffer.withUnsafeMutableBufferPointer { elements, initialized in
            unsafe receiveMessage(
                descriptor, UnsafeMutableRawBufferPointer(elements), &initialized, control: &control, flags,
                retryOnInterrupt)
        }
    }

    static func receiveMessage(
        _ descriptor: FileDescriptor, _ vector: inout IOVector, control: inout [UInt8], _ flags: ReceiveFlags,
        retryOnInterrupt: Bool
    ) -> Result<RawMessage, Errno> {
        let result = unsafe vector.withCapacities {
            unsafe receiveMessage(descriptor, $0, control: &control, flags, retryOnInterrupt: retryOnInterrupt)
        }
        if case .success(let message) = result {
            vector.setContents(byteCount: message.byteCount)
        }
        return result
    }

    private static func receiveMessage(
        _ descriptor: FileDescriptor, _ bytes: UnsafeMutableRawBufferPointer, _ initialized: inout Int,
        control: inout [UInt8], _ flags: ReceiveFlags, _ retryOnInterrupt: Bool
    ) -> Result<RawMessage, Errno> {
        let free = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[initialized...])
        unsafe clear(free, flags)
        var part = unsafe iovec(iov_base: free.baseAddress, iov_len: free.count)
        let result = unsafe withUnsafeMutablePointer(to: &part) {
            unsafe receiveMessage(
                descriptor, UnsafeMutableBufferPointer(start: $0, count: 1), control: &control, flags,
                retryOnInterrupt: retryOnInterrupt)
        }
        if case .success(let message) = result {
            initialized += min(message.byteCount, free.count)
        }
        return result
    }
}
