// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

/// Control messages to and from the bytes of `cmsghdr`s, `cmsg(3)`: a header of length, level and type, the data, and
/// padding up to the next word.
enum ControlCoding {
    static let credentialsSize = 12
    static let ipv4PacketInfoSize = 12
    static let ipv6PacketInfoSize = 20
    static let timestampSize = 16

    private static let headerSize = MemoryLayout<cmsghdr>.size
    private static let alignment = MemoryLayout<Int>.size

    /// `CMSG_SPACE`: the bytes that a control message with so many bytes of data takes.
    static func space(payload: Int) -> Int {
        headerSize + aligned(payload)
    }

    private static func aligned(_ count: Int) -> Int {
        (count + alignment - 1) & ~(alignment - 1)
    }

    // MARK: Encoding

    static func encode(descriptors: [FileDescriptor], _ messages: [ControlMessage]) -> [UInt8] {
        var bytes: [UInt8] = []
        if !descriptors.isEmpty {
            append(SOL_SOCKET, Constants.controlRights, descriptors.flatMap { nativeBytes($0.rawValue) }, to: &bytes)
        }
        for message in messages {
            let (level, type, data) = raw(message)
            append(level, type, data, to: &bytes)
        }
        return bytes
    }

    private static func append(_ level: Int32, _ type: Int32, _ data: [UInt8], to bytes: inout [UInt8]) {
        bytes += nativeBytes(headerSize + data.count)
        bytes += nativeBytes(level)
        bytes += nativeBytes(type)
        bytes += data
        bytes += repeatElement(0, count: aligned(data.count) - data.count)
    }

    static func raw(_ message: ControlMessage) -> (level: Int32, type: Int32, data: [UInt8]) {
        switch message {
        case .credentials(let credentials):
            let data =
                nativeBytes(credentials.processID) + nativeBytes(credentials.userID)
                + nativeBytes(credentials.groupID)
            return (SOL_SOCKET, Constants.controlCredentials, data)
        case .ipv4PacketInfo(let info):
            let data =
                nativeBytes(info.interface) + nativeBytes(info.localAddress.rawValue.bigEndian)
                + nativeBytes(info.destination.rawValue.bigEndian)
            return (Int32(IPPROTO_IP), IP_PKTINFO, data)
        case .ipv6PacketInfo(let info):
            let data = nativeBytes(info.address.high.bigEndian) + nativeBytes(info.address.low.bigEndian)
            return (Int32(IPPROTO_IPV6), IPV6_PKTINFO, data + nativeBytes(info.interface))
        case .timestamp(let time):
            // A timespec holds no more, and the components of a longer time would not fit their type.
            let (seconds, attoseconds) = min(max(time, .seconds(Int64.min)), .seconds(Int64.max)).components
            return (SOL_SOCKET, SO_TIMESTAMPNS, nativeBytes(seconds) + nativeBytes(attoseconds / 1_000_000_000))
        case .ipv4TimeToLive(let value): return (Int32(IPPROTO_IP), IP_TTL, nativeBytes(value))
        case .ipv4TypeOfService(let value): return (Int32(IPPROTO_IP), IP_TOS, nativeBytes(Int32(value)))
        case .ipv6HopLimit(let value): return (Int32(IPPROTO_IPV6), IPV6_HOPLIMIT, nativeBytes(value))
        case .ipv6TrafficClass(let value): return (Int32(IPPROTO_IPV6), IPV6_TCLASS, nativeBytes(value))
        case .udpSegmentSize(let value): return (Int32(IPPROTO_UDP), UDP_SEGMENT, nativeBytes(value))
        case .other(let level, let type, let data): return (level, type, data)
        }
    }

    // MARK: Decoding

    struct Decoded {
        var descriptors: [FileDescriptor] = []
        var messages: [ControlMessage] = []
    }

    static func decode(_ bytes: some Sequence<UInt8>) -> Decoded {
        let bytes = Array(bytes)
        var decoded = Decoded()
        var position = 0
        while position + headerSize <= bytes.count {
            // The kernel truncates the last message's data but not its header's length.
            let length = min(nativeInteger(bytes[position...], as: Int.self), bytes.count - position)
            guard length >= headerSize else { break }
            let level = nativeInteger(bytes[(position + 8)...], as: Int32.self)
            let type = nativeInteger(bytes[(position + 12)...], as: Int32.self)
            let data = Array(bytes[position + headerSize..<position + length])
            if level == SOL_SOCKET, type == Constants.controlRights {
                decoded.descriptors += stride(from: 0, through: data.count - 4, by: 4).map {
                    FileDescriptor(rawValue: nativeInteger(data[$0...], as: Int32.self))
                }
            } else {
                decoded.messages.append(message(level, type, data))
            }
            position += aligned(length)
        }
        return decoded
    }

    private static func message(_ level: Int32, _ type: Int32, _ data: [UInt8]) -> ControlMessage {
        typedMessage(level, type, data) ?? .other(level: level, type: type, data: data)
    }

    private static func typedMessage(_ level: Int32, _ type: Int32, _ data: [UInt8]) -> ControlMessage? {
        switch (level, type) {
        case (SOL_SOCKET, Constants.controlCredentials) where data.count == credentialsSize:
            .credentials(Credentials(native: data))
        case (SOL_SOCKET, SO_TIMESTAMPNS) where data.count == timestampSize:
            .timestamp(
                .seconds(nativeInteger(data, as: Int64.self))
                    + .nanoseconds(nativeInteger(data[8...], as: Int64.self)))
        case (SOL_SOCKET, SO_TIMESTAMP) where data.count == timestampSize:
            .timestamp(
                .seconds(nativeInteger(data, as: Int64.self))
                    + .microseconds(nativeInteger(data[8...], as: Int64.self)))
        case (Int32(IPPROTO_IP), IP_PKTINFO) where data.count == ipv4PacketInfoSize:
            .ipv4PacketInfo(
                IPv4PacketInfo(
                    interface: nativeInteger(data, as: UInt32.self),
                    localAddress: IPv4Address(rawValue: nativeInteger(data[4...], as: UInt32.self).bigEndian),
                    destination: IPv4Address(rawValue: nativeInteger(data[8...], as: UInt32.self).bigEndian)))
        case (Int32(IPPROTO_IPV6), IPV6_PKTINFO) where data.count == ipv6PacketInfoSize:
            .ipv6PacketInfo(
                IPv6PacketInfo(
                    interface: nativeInteger(data[16...], as: UInt32.self),
                    address: IPv6Address(
                        high: nativeInteger(data, as: UInt64.self).bigEndian,
                        low: nativeInteger(data[8...], as: UInt64.self).bigEndian)))
        case (Int32(IPPROTO_IP), IP_TTL) where data.count == 4:
            .ipv4TimeToLive(nativeInteger(data, as: Int32.self))
        case (Int32(IPPROTO_IP), IP_TOS) where data.count == 1:
            .ipv4TypeOfService(data[0])
        case (Int32(IPPROTO_IPV6), IPV6_HOPLIMIT) where data.count == 4:
            .ipv6HopLimit(nativeInteger(data, as: Int32.self))
        case (Int32(IPPROTO_IPV6), IPV6_TCLASS) where data.count == 4:
            .ipv6TrafficClass(nativeInteger(data, as: Int32.self))
        case (Int32(IPPROTO_UDP), UDP_GRO) where data.count == 4:
            .udpSegmentSize(UInt16(truncatingIfNeeded: nativeInteger(data, as: Int32.self)))
        default: nil
        }
    }
}

extension Credentials {
    /// Credentials from the bytes of a `ucred`.
    init(native bytes: [UInt8]) {
        self.init(
            processID: nativeInteger(bytes, as: Int32.self), userID: nativeInteger(bytes[4...], as: UInt32.self),
            groupID: nativeInteger(bytes[8...], as: UInt32.self))
    }
}

extension System {
    static func currentCredentials() -> Credentials {
        Credentials(processID: getpid(), userID: getuid(), groupID: getgid())
    }
}

/// An integer's bytes in this machine's order.
func nativeBytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    // SAFETY: an integer is plain bytes.
    unsafe withUnsafeBytes(of: value) { unsafe [UInt8]($0) }
}

/// The integer that the first bytes are in this machine's order. There must be enough of them.
func nativeInteger<Value: FixedWidthInteger & BitwiseCopyable>(_ bytes: some Collection<UInt8>, as: Value.Type) -> Value
{
    let bytes = Array(bytes.prefix(MemoryLayout<Value>.size))
    precondition(bytes.count == MemoryLayout<Value>.size)
    // SAFETY: there are as many bytes as the integer has, and any bytes are an integer.
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: Value.self) }
}
