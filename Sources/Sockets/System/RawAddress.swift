// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc

/// A socket address as the kernel reads and writes it: a `sockaddr_storage` and how much of it is used.
struct RawAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    /// Room for the kernel to write any address into.
    init() {
        length = Self.capacity
    }

    /// A copy of an address that is `length` bytes long.
    init(copying address: UnsafePointer<sockaddr>?, length: socklen_t) {
        let length = min(length, Self.capacity)
        self.length = length
        guard let address = unsafe address else { return }
        // SAFETY: the caller says that so many bytes can be read, and the storage has room for them.
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
    }

    /// An address from the bytes that the kernel wrote as an option's value.
    init(bytes: [UInt8]) {
        length = min(socklen_t(bytes.count), Self.capacity)
        store(Array(bytes.prefix(Int(Self.capacity))), at: 0)
    }

    static let capacity = socklen_t(MemoryLayout<sockaddr_storage>.size)
    private static let pathOffset = MemoryLayout<sockaddr_un>.size - 108

    /// The address as the kernel wants it.
    init(_ address: SocketAddress) {
        switch address {
        case .ipv4(let ip, let port):
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = ip.rawValue.bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            store(v4)
        case .ipv6(let ip, let port, let scope, let flowInfo):
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            v6.sin6_flowinfo = flowInfo.bigEndian
            v6.sin6_addr = in6_addr(ip)
            v6.sin6_scope_id = scope
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            store(v6)
        case .unix(let unix):
            storage.ss_family = sa_family_t(AF_UNIX)
            // A path is followed by its zero byte, which the zeroed storage holds, unless it fills the whole field; an
            // abstract name is not.
            let isPath = unix.socketPath.first.map { $0 != 0 } ?? false
            let used = Self.pathOffset + unix.socketPath.count + (isPath ? 1 : 0)
            length = socklen_t(min(used, MemoryLayout<sockaddr_un>.size))
            store(unix.socketPath, at: Self.pathOffset)
        case .other(let opaque):
            storage.ss_family = sa_family_t(truncatingIfNeeded: opaque.family.rawValue)
            length = socklen_t(Self.pathOffset + opaque.bytes.count)
            store(opaque.bytes, at: Self.pathOffset)
        }
    }

    /// The address that the kernel wrote; `nil` if it wrote none.
    var address: SocketAddress? {
        let used = Int(min(length, Self.capacity))
        guard used >= MemoryLayout<sa_family_t>.size else { return nil }
        switch Int32(storage.ss_family) {
        case AF_INET where used >= MemoryLayout<sockaddr_in>.size:
            let v4 = load(sockaddr_in.self)
            let ip = IPv4Address(rawValue: UInt32(bigEndian: v4.sin_addr.s_addr))
            return .ipv4(ip, port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6 where used >= MemoryLayout<sockaddr_in6>.size:
            let v6 = load(sockaddr_in6.self)
            return .ipv6(
                IPv6Address(v6.sin6_addr), port: UInt16(bigEndian: v6.sin6_port), scope: v6.sin6_scope_id,
                flowInfo: UInt32(bigEndian: v6.sin6_flowinfo))
        case AF_UNIX:
            var path = bytes(Self.pathOffset..<used)
            // A path ends at its zero byte if it has one (one of 108 bytes has none); a leading zero byte is part of
            // an abstract name, which ends where the address ends.
            if path.first != 0, let end = path.firstIndex(of: 0) {
                path.removeSubrange(end...)
            }
            return .unix(UnixAddress(socketPath: path))
        default:
            let family = AddressFamily(rawValue: Int32(storage.ss_family))
            return .other(OpaqueAddress(family: family, unchecked: bytes(Self.pathOffset..<used)))
        }
    }

    /// The whole storage, with zero bytes after the address: how `group_req` and its relatives carry addresses.
    var storageBytes: [UInt8] {
        bytes(0..<Int(Self.capacity))
    }

    mutating func setLength(_ length: socklen_t) {
        self.length = length
    }

    // SAFETY, for the functions below: `sockaddr_storage` is at least as large and as aligned as the C type of every
    // address (POSIX says so), all of them are plain bytes, and the pointers are used only during the closure.

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafeBytes(of: storage) {
            unsafe body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self), length)
        }
    }

    mutating func withMutablePointer<R>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> R
    ) -> R {
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            unsafe withUnsafeMutablePointer(to: &length) {
                unsafe body(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self), $0)
            }
        }
    }

    private mutating func store<Address>(_ address: Address) {
        unsafe withUnsafeMutableBytes(of: &storage) { storage in
            unsafe withUnsafeBytes(of: address) { unsafe storage.copyMemory(from: $0) }
        }
    }

    private func load<Address>(_ type: Address.Type) -> Address {
        unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: type) }
    }

    private mutating func store(_ bytes: [UInt8], at offset: Int) {
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe UnsafeMutableRawBufferPointer(rebasing: $0[offset...]).copyBytes(from: bytes)
        }
    }

    private func bytes(_ range: Range<Int>) -> [UInt8] {
        unsafe withUnsafeBytes(of: storage) { unsafe [UInt8]($0[range]) }
    }
}

extension in6_addr {
    /// The C form of an IPv6 address.
    init(_ address: IPv6Address) {
        // SAFETY: both types are 16 plain bytes, in network order.
        self = unsafe unsafeBitCast(address.octets, to: in6_addr.self)
    }
}

extension IPv6Address {
    /// An IPv6 address from its C form.
    init(_ address: in6_addr) {
        // SAFETY: both types are 16 plain bytes, in network order.
        self.init(octets: unsafe unsafeBitCast(address, to: InlineArray<16, UInt8>.self))
    }

    init(octets: InlineArray<16, UInt8>) {
        var halves: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<8 {
            halves.high = halves.high << 8 | UInt64(octets[index])
            halves.low = halves.low << 8 | UInt64(octets[index + 8])
        }
        self.init(high: halves.high, low: halves.low)
    }
}
