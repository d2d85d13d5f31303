// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage
import Testing

/// getsockopt(2) and setsockopt(2) by the C headers' own constants, past the library that is tested.
struct BareOption: Sendable {
    let level: Int32
    let number: Int32

    init(_ level: some BinaryInteger, _ number: some BinaryInteger) {
        self.level = Int32(level)
        self.number = Int32(number)
    }

    private func bytes(_ socket: borrowing Socket, capacity: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: capacity)
        var length = socklen_t(capacity)
        let descriptor = socket.withDescriptor { $0.rawValue }
        // SAFETY: the kernel writes at most as many bytes as the array has.
        let result = unsafe bytes.withUnsafeMutableBytes {
            unsafe getsockopt(descriptor, level, number, $0.baseAddress, &length)
        }
        return result == 0 ? Array(bytes.prefix(Int(length))) : nil
    }

    /// Expects the kernel to give this number.
    func expect(_ socket: borrowing Socket, _ value: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        let seen = int(socket)
        #expect(seen == value, sourceLocation: sourceLocation)
    }

    /// Expects the kernel to give these bytes.
    func expect(
        _ socket: borrowing Socket, _ value: [UInt8], capacity: Int? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let seen = bytes(socket, capacity: capacity ?? value.count)
        #expect(seen == value, sourceLocation: sourceLocation)
    }

    private func int(_ socket: borrowing Socket) -> Int? {
        guard let bytes = bytes(socket, capacity: 4) else { return nil }
        // SAFETY: four bytes are an Int32, whatever they are.
        return bytes.count == 1
            ? Int(bytes[0]) : Int(unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: Int32.self) })
    }

    /// Sets the option, which the kernel is expected to take.
    func set(_ socket: borrowing Socket, bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        let descriptor = socket.withDescriptor { $0.rawValue }
        // SAFETY: the kernel reads as many bytes as the array has.
        let result = unsafe bytes.withUnsafeBytes {
            unsafe setsockopt(descriptor, level, number, $0.baseAddress, socklen_t($0.count))
        }
        #expect(result == 0, sourceLocation: sourceLocation)
    }

    func set(_ socket: borrowing Socket, int value: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        set(socket, bytes: nativeBytes(Int32(truncatingIfNeeded: value)), sourceLocation: sourceLocation)
    }
}

/// An integer's bytes in this machine's order.
func nativeBytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    // SAFETY: an integer is plain bytes.
    unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
}

/// A kind of socket that has an option.
enum SocketKind: Sendable {
    case tcp4, tcp6, udp4, udp6, unix, raw4, raw6

    func make() throws(SocketError) -> Socket {
        switch self {
        case .tcp4: try Socket(.ipv4, .stream)
        case .tcp6: try Socket(.ipv6, .stream)
        case .udp4: try Socket(.ipv4, .datagram)
        case .udp6: try Socket(.ipv6, .datagram)
        case .unix: try Socket(.unix, .stream)
        case .raw4: try Socket(.ipv4, .raw, protocol: .icmp)
        case .raw6: try Socket(.ipv6, .raw, protocol: .icmpv6)
        }
    }
}
