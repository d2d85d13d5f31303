// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

internal import Sockets
internal import SystemPackage

/// Reads an option.
///
/// - Parameters:
///   - socket: The socket.
///   - level: ``SOL_SOCKET``, ``SOL_TCP``, ``IPPROTO_IP``, ``IPPROTO_IPV6`` and so on.
///   - option: The option's number.
/// - Returns: Its value, a number unless PHP has an array for it; `nil`, with a warning, if the socket has no such
///   option.
/// - Throws: ``PHPError`` if the socket is closed.
public func socket_get_option(_ socket: PHPSocket, _ level: Int, _ option: Int) throws(PHPError) -> PHPOption? {
    let stem =
        level == IPPROTO_IPV6 && option == IPV6_PKTINFO
        ? "unable to get socket option" : "Unable to retrieve socket option"
    return try socket.call("socket_get_option", stem) { plain throws(SocketError) in
        switch (level, option) {
        case (SOL_SOCKET, SO_LINGER):
            let values = try numbers(plain, level, option, 4, 2)
            return .linger(l_onoff: values[0], l_linger: values[1])
        case (SOL_SOCKET, SO_RCVTIMEO), (SOL_SOCKET, SO_SNDTIMEO):
            let values = try numbers(plain, level, option, 8, 2)
            return .timeout(sec: values[0], usec: values[1])
        case (SOL_SOCKET, SO_MEMINFO): return .integers(try numbers(plain, level, option, 4, 9))
        case (SOL_SOCKET, SO_BINDTODEVICE), (SOL_TCP, TCP_CONGESTION):
            return .text(RawOption.text(try plain.get(RawOption.named(level, option, capacity: 16))))
        case (IPPROTO_IP, IP_MULTICAST_IF):
            // Linux tells an address that need not be there; the call is for its errors.
            _ = try numbers(plain, level, option, 4, 1)
            return .int(socket.multicastInterface)
        default: return .int(try numbers(plain, level, option, 4, 1)[0])
        }
    }
}

/// Sets an option.
///
/// ```swift
/// try socket_set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1)
/// try socket_set_option(socket, SOL_SOCKET, SO_RCVTIMEO, .timeout(sec: 5, usec: 0))
/// try socket_set_option(socket, IPPROTO_IP, MCAST_JOIN_GROUP, .group("239.1.2.3", interface: "eth0"))
/// ```
///
/// - Parameters:
///   - socket: The socket.
///   - level: The option's level.
///   - option: The option's number.
///   - value: The value, as ``PHPOption`` has it.
/// - Returns: Whether the system did it. If not there is a warning.
/// - Throws: ``PHPError`` for a value of another kind than the option's, or out of its range, or a closed socket.
@discardableResult
public func socket_set_option(
    _ socket: PHPSocket, _ level: Int, _ option: Int, _ value: PHPOption
) throws(PHPError) -> Bool {
    let function = "socket_set_option"
    try socket.requireOpen(function)
    switch (level, option) {
    case (SOL_SOCKET, SO_LINGER), (SOL_SOCKET, SO_RCVTIMEO), (SOL_SOCKET, SO_SNDTIMEO):
        return try set(socket, level, option, try structure(option, value))
    case (SOL_SOCKET, SO_BINDTODEVICE):
        if case .text(let name) = value { return try set(socket, level, option, Array(name.utf8)) }
        return try set(socket, level, option, [])
    case (SOL_TCP, TCP_CONGESTION):
        guard case .text(let name) = value else {
            socket.fail(function, setStem, SocketError(.setOption, .system(.invalidArgument)))
            return false
        }
        return try set(socket, level, option, Array(name.utf8))
    case (IPPROTO_IP, MCAST_JOIN_GROUP...MCAST_LEAVE_SOURCE_GROUP),
        (IPPROTO_IPV6, MCAST_JOIN_GROUP...MCAST_LEAVE_SOURCE_GROUP):
        return try changeGroup(socket, option, value)
    case (IPPROTO_IP, IP_MULTICAST_IF...IP_MULTICAST_LOOP),
        (IPPROTO_IPV6, IPV6_MULTICAST_IF...IPV6_MULTICAST_LOOP), (IPPROTO_IPV6, IPV6_PKTINFO):
        return try setMulticast(socket, level, option, value)
    default:
        return try set(socket, level, option, RawOption.bytes(of: Int32(truncatingIfNeeded: integer(value))))
    }
}

/// Sets an option to a number, as ``socket_set_option(_:_:_:_:)-(_,_,_,PHPOption)``.
@discardableResult
public func socket_set_option(
    _ socket: PHPSocket, _ level: Int, _ option: Int, _ value: Int
) throws(PHPError) -> Bool {
    try socket_set_option(socket, level, option, .int(value))
}

/// Sets a switch, as ``socket_set_option(_:_:_:_:)-(_,_,_,PHPOption)``.
@discardableResult
public func socket_set_option(
    _ socket: PHPSocket, _ level: Int, _ option: Int, _ value: Bool
) throws(PHPError) -> Bool {
    try socket_set_option(socket, level, option, .int(value ? 1 : 0))
}

/// Sets an option to a name, as ``socket_set_option(_:_:_:_:)-(_,_,_,PHPOption)``.
@discardableResult
public func socket_set_option(
    _ socket: PHPSocket, _ level: Int, _ option: Int, _ value: String
) throws(PHPError) -> Bool {
    try socket_set_option(socket, level, option, .text(value))
}

// MARK: Kinds of options

/// Reads an option that is some numbers of so many bytes each.
private func numbers(
    _ socket: borrowing Socket, _ level: Int, _ option: Int, _ size: Int, _ count: Int
) throws(SocketError) -> [Int] {
    let bytes = try socket.get(RawOption.named(level, option, capacity: size * count))
    return RawOption.numbers(bytes, ofSize: size, count)
}

private let setStem = "Unable to set socket option"

private func set(_ socket: PHPSocket, _ level: Int, _ option: Int, _ bytes: [UInt8]) throws(PHPError) -> Bool {
    try socket.succeeds("socket_set_option", setStem) { socket throws(SocketError) in
        try socket.set(RawOption.named(level, option, capacity: bytes.count), to: bytes)
    }
}

/// What the kernel has a structure for.
private func structure(_ option: Int, _ value: PHPOption) throws(PHPError) -> [UInt8] {
    switch (option, value) {
    case (SO_LINGER, .linger(let isOn, let seconds)):
        return RawOption.bytes(of: Int32(isOn & 0xFFFF)) + RawOption.bytes(of: Int32(seconds & 0xFFFF))
    case (SO_RCVTIMEO, .timeout(let seconds, let microseconds)), (SO_SNDTIMEO, .timeout(let seconds, let microseconds)):
        return RawOption.bytes(of: seconds) + RawOption.bytes(of: microseconds)
    default:
        let key = option == SO_LINGER ? "l_onoff" : "sec"
        throw .value("socket_set_option", 4, "value", "must have key \"\(key)\"")
    }
}

private func setMulticast(
    _ socket: PHPSocket, _ level: Int, _ option: Int, _ value: PHPOption
) throws(PHPError) -> Bool {
    switch (level, option) {
    case (IPPROTO_IP, IP_MULTICAST_IF), (IPPROTO_IPV6, IPV6_MULTICAST_IF):
        guard let index = try PHPAddress.index(of: interface(value), "socket_set_option") else { return false }
        if level == IPPROTO_IPV6 { return try set(socket, level, option, RawOption.bytes(of: index)) }
        let isSet = try socket.succeeds("socket_set_option", setStem) { socket throws(SocketError) in
            try socket.set(.ipv4MulticastInterface, to: .index(index))
        }
        if isSet { socket.multicastInterface = Int(index) }
        return isSet
    case (IPPROTO_IP, IP_MULTICAST_LOOP), (IPPROTO_IPV6, IPV6_MULTICAST_LOOP):
        return try set(socket, level, option, RawOption.bytes(of: Int32(integer(value) == 0 ? 0 : 1)))
    case (IPPROTO_IPV6, IPV6_PKTINFO):
        guard case .packetInfo(let text, let interface) = value else {
            throw .value("socket_set_option", 4, "value", "must have key \"addr\"")
        }
        guard let address = IPv6Address(text) else {
            throw .value("socket_set_option", 4, "value", "must have an IPv6 address under the key \"addr\"")
        }
        guard let index = try PHPAddress.index(of: interface, "socket_set_option") else { return false }
        return try set(socket, level, option, RawOption.bytes(of: address) + RawOption.bytes(of: index))
    default:
        let range = level == IPPROTO_IP ? 0...255 : -1...255
        let hops = integer(value)
        guard range.contains(hops) else {
            throw .value(
                "socket_set_option", 4, "value", "must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return try set(socket, level, option, RawOption.bytes(of: Int32(hops)))
    }
}

private func changeGroup(_ socket: PHPSocket, _ option: Int, _ value: PHPOption) throws(PHPError) -> Bool {
    let function = "socket_set_option"
    guard socket.family != AF_UNIX else {
        PHPWarning.give(function, "IP address used in the context of an unexpected type of socket")
        return false
    }
    let needsSource = option != MCAST_JOIN_GROUP && option != MCAST_LEAVE_GROUP
    let names: (group: String, source: String, interface: PHPInterface)
    switch value {
    case .group(let group, let interface) where !needsSource: names = (group, group, interface)
    case .sourceGroup(let group, let source, let interface): names = (group, source, interface)
    case .group: throw PHPError(.valueError, "No key \"source\" passed in optval")
    default: throw PHPError(.valueError, "No key \"group\" passed in optval")
    }
    guard let index = try PHPAddress.index(of: names.interface, function) else { return false }
    return try socket.succeeds(function, setStem) { plain throws(SocketError) in
        let group = try ip(names.group, socket.family)
        switch (option, group) {
        case (MCAST_JOIN_GROUP, .v4(let group)): try plain.joinGroup(group, on: .index(index))
        case (MCAST_JOIN_GROUP, .v6(let group)): try plain.joinGroup(group, on: index)
        case (MCAST_LEAVE_GROUP, .v4(let group)): try plain.leaveGroup(group, on: .index(index))
        case (MCAST_LEAVE_GROUP, .v6(let group)): try plain.leaveGroup(group, on: index)
        case (MCAST_JOIN_SOURCE_GROUP, _):
            try plain.joinSource(ip(names.source, socket.family), of: group, on: index)
        case (MCAST_LEAVE_SOURCE_GROUP, _):
            try plain.leaveSource(ip(names.source, socket.family), of: group, on: index)
        case (MCAST_BLOCK_SOURCE, _): try plain.blockSource(ip(names.source, socket.family), of: group, on: index)
        default: try plain.unblockSource(ip(names.source, socket.family), of: group, on: index)
        }
    }
}

private func ip(_ text: String, _ family: Int) throws(SocketError) -> IPAddress {
    let address =
        family == AF_INET ? try PHPAddress.ipv4(text, port: 0) : try PHPAddress.ipv6(text, port: 0)
    guard let ip = address.ip else { throw SocketError(.resolve, .nameResolution(.noAddress)) }
    return ip
}

/// A value as PHP's `(int)` sees it: text that is no number is 0, and an array is 1.
private func integer(_ value: PHPOption) -> Int {
    switch value {
    case .int(let number): number
    case .text(let text): Int(text) ?? 0
    default: 1
    }
}

private func interface(_ value: PHPOption) -> PHPInterface {
    if case .text(let name) = value { .name(name) } else { .index(integer(value)) }
}

/// Options as their bytes, for those whose values PHP shows as the kernel has them.
private enum RawOption {
    static func named(_ level: Int, _ option: Int, capacity: Int) -> SocketOption<[UInt8]> {
        SocketOption(
            bytes: Int32(truncatingIfNeeded: option),
            level: SocketOptionLevel(rawValue: Int32(truncatingIfNeeded: level)), capacity: capacity)
    }

    static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number.littleEndian >> ($0 * 8)) }
    }

    static func bytes(of address: IPv6Address) -> [UInt8] {
        let octets = address.octets
        return octets.indices.map { octets[$0] }
    }

    /// Signed numbers of so many bytes. What the kernel has not written is 0.
    static func numbers(_ bytes: [UInt8], ofSize size: Int, _ count: Int) -> [Int] {
        (0..<count).map { index in
            let field = bytes.dropFirst(index * size).prefix(size)
            let number = field.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return size == 4 && field.count == 4
                ? Int(Int32(truncatingIfNeeded: number)) : Int(truncatingIfNeeded: number)
        }
    }

    static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
