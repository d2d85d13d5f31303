// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

internal import Sockets
internal import SystemPackage

/// Sends a message with an address and control data.
///
/// - Parameters:
///   - socket: The socket.
///   - message: What to send: ``PHPMessage/name``, ``PHPMessage/iov`` and ``PHPMessage/control``, as far as they are
///     there. One without data sends nothing, or an empty datagram.
///   - flags: As for ``socket_send(_:_:_:_:)``.
/// - Returns: The number of bytes that the system has taken; `nil`, silently if the call would have had to wait,
///   otherwise with a warning.
/// - Throws: ``PHPError`` for flags that are no C int, for an address that is none, or a closed socket.
public func socket_sendmsg(_ socket: PHPSocket, _ message: PHPMessage, _ flags: Int = 0) throws(PHPError) -> Int? {
    let function = "socket_sendmsg"
    try socket.requireOpen(function)
    guard Int32(exactly: flags) != nil else { throw flagsError(function) }
    let control: OutgoingControl
    let name: SocketAddress?
    do throws(ConversionError) {
        name = try message.name.flatMap { name throws(ConversionError) in try address(name, socket) }
        control = try OutgoingControl(message.control, socket)
    } catch {
        PHPWarning.give(function, "error converting user data (path: msghdr > \(error.path)): \(error.problem)")
        return nil
    }
    return try socket.call(function, "Error in sendmsg") { socket throws(SocketError) in
        guard message.iov.count <= IOVector.maximumCount else { throw SocketError(.send, .system(.messageTooLong)) }
        var vector = IOVector()
        for piece in message.iov { try vector.append(piece.bytes) }
        return try socket.sendMessage(
            vector, to: name, descriptors: control.descriptors, control: control.messages,
            flags: sendFlags(flags), retryOnInterrupt: false)
    }
}

/// Receives a message with its sender and control data.
///
/// - Parameters:
///   - socket: The socket.
///   - message: What to receive; becomes what was received, or `nil` if it has control data that PHP does not know.
///   - flags: As for ``socket_recv(_:_:_:_:)``.
/// - Returns: The number of bytes, 0 at the end of the stream; `nil`, silently if the call would have had to wait,
///   otherwise with a warning. Then the message stays as it is.
/// - Throws: ``PHPError`` for flags that are no C int, or a closed socket.
public func socket_recvmsg(_ socket: PHPSocket, _ message: inout PHPMessage?, _ flags: Int = 0) throws(PHPError) -> Int?
{
    let function = "socket_recvmsg"
    try socket.requireOpen(function)
    guard Int32(exactly: flags) != nil else { throw flagsError(function) }
    guard let wanted = message else {
        throw PHPError(.typeError, "\(function)(): Argument #2 ($message) must be of type array, null given")
    }
    let room: Int
    do throws(ConversionError) {
        room = try controlRoom(of: wanted)
    } catch {
        let path = error.path.isEmpty ? "" : " > \(error.path)"
        PHPWarning.give(function, "error converting user data (path: msghdr\(path)): \(error.problem)")
        return nil
    }
    if let piece = socket.takeBeginningOfLine(upTo: wanted.buffer_size, flags: flags) {
        message = PHPMessage(iov: piece.isEmpty ? [] : [PHPString(piece)])
        return piece.count
    }
    let received = try socket.call(function, "Error in recvmsg") { plain throws(SocketError) in
        // A stream that is to wait for all needs all of the memory at once.
        let size =
            flags & MSG_WAITALL != 0
            ? wanted.buffer_size
            : try plain.room(toReceive: wanted.buffer_size, receiveFlags(flags), retryOnInterrupt: false)
        var vector = try IOVector(capacities: [size])
        let received = try plain.receiveMessage(
            into: &vector, control: controlSpace(room),
            flags: receiveFlags(flags), retryOnInterrupt: false)
        return ReceivedPHPMessage(received, try vector[0], wanted, socket.family)
    }
    guard let received else { return nil }
    if let unknown = received.unknown {
        let path = "msghdr > control > element #\(unknown.number) > data"
        let problem = "cmsghdr with level \(unknown.level) and type \(unknown.type) not supported"
        PHPWarning.give(function, "error converting native data (path: \(path)): \(problem)")
    }
    message = received.message
    return received.count
}

/// Sends the buffers of a list to an address, the form that PHP had before the one with a message.
///
/// - Parameters:
///   - socket: The socket.
///   - iovec: The buffers.
///   - flags: As for ``socket_send(_:_:_:_:)``.
///   - addr: An IP address, a host's name, or a Unix socket's path.
///   - port: The port, for ``AF_INET`` and ``AF_INET6``.
/// - Returns: The number of bytes that the system has taken; `nil`, silently if the call would have had to wait,
///   otherwise with a warning.
/// - Throws: ``PHPError`` for a port that is missing or out of range, a path of more than 107 bytes, a freed list, or a
///   closed socket.
public func socket_sendmsg(
    _ socket: PHPSocket, _ iovec: SocketIOVec, _ flags: Int, _ addr: some PHPStringConvertible, _ port: Int? = nil
) throws(PHPError) -> Int? {
    let function = "socket_sendmsg"
    try socket.requireOpen(function)
    let buffers = try iovec.require(function, argument: 2)
    let endpoint = try PHPEndpoint(function, socket, addr.phpString, port: port, positions: (4, 5))
    return try socket.call(function, "Error in sendmsg") { socket throws(SocketError) in
        try socket.sendMessage(
            SocketIOVec.sending(buffers), to: endpoint.resolved(), flags: sendFlags(flags), retryOnInterrupt: false)
    }
}

/// Receives into the buffers of a list, the form that PHP had before the one with a message.
///
/// - Parameters:
///   - socket: The socket.
///   - iovec: The buffers.
///   - control: Becomes the control data.
///   - controllen: How much room to receive control data with; becomes how many pieces of it there are.
///   - flags: How to receive; becomes what ``PHPMessage/flags`` is.
///   - addr: Becomes the sender's address; empty if it has none.
///   - port: Becomes the sender's port; stays as it is for a Unix socket.
/// - Returns: The number of bytes, 0 at the end of the stream; `nil`, silently if the call would have had to wait,
///   otherwise with a warning. Then the arguments stay as they are, as they do for a negative `controllen`.
/// - Throws: ``PHPError`` for a freed list or a closed socket.
public func socket_recvmsg(
    _ socket: PHPSocket, _ iovec: SocketIOVec, _ control: inout [PHPControl], _ controllen: inout Int,
    _ flags: inout Int, _ addr: inout some PHPStringConvertible, _ port: inout Int
) throws(PHPError) -> Int? {
    let function = "socket_recvmsg"
    try socket.requireOpen(function)
    let buffers = try iovec.require(function, argument: 2)
    guard controllen >= 0 else { return nil }
    let (room, given) = (controllen, receiveFlags(flags))
    if let piece = socket.takeBeginningOfLine(upTo: buffers.reduce(0) { $0 + $1.capacity }, flags: flags) {
        (control, controllen, flags) = ([], 0, 0)
        tell(nil, socket.family, &addr, &port)
        return try socket.call(function, "Error in recvmsg") { _ throws(SocketError) in
            var vector = try SocketIOVec.receiving(buffers)
            let count = try vector.fill(with: piece)
            try iovec.take(vector)
            return count
        }
    }
    let received = try socket.call(function, "Error in recvmsg") { plain throws(SocketError) in
        var vector = try SocketIOVec.receiving(buffers)
        let received = try plain.receiveMessage(
            into: &vector, control: controlSpace(room),
            flags: given, retryOnInterrupt: false)
        try iovec.take(vector)
        return ReceivedPHPMessage(received, [], PHPMessage(name: .any, controllen: room), socket.family)
    }
    guard let received else { return nil }
    control = received.message?.control ?? []
    controllen = control.count
    flags = received.flags
    tell(received.sender, socket.family, &addr, &port)
    return received.count
}

/// The room that control data takes in a received message.
///
/// - Parameters:
///   - level: ``SOL_SOCKET`` or ``IPPROTO_IPV6``.
///   - type: ``SCM_RIGHTS``, ``SCM_CREDENTIALS``, ``IPV6_PKTINFO``, ``IPV6_HOPLIMIT`` or ``IPV6_TCLASS``.
///   - num: How many descriptors, for ``SCM_RIGHTS``.
/// - Returns: The number of bytes; `nil`, with a warning, for other control data.
/// - Throws: ``PHPError`` for a negative number.
public func socket_cmsg_space(_ level: Int, _ type: Int, _ num: Int = 0) throws(PHPError) -> Int? {
    guard num >= 0 else { throw .value("socket_cmsg_space", 3, "num", "must be greater than or equal to 0") }
    switch (level, type) {
    // No descriptors still have a header.
    case (SOL_SOCKET, SCM_RIGHTS): return ControlSpace.bytes(4 * min(num, 253)).byteCount
    case (SOL_SOCKET, SCM_CREDENTIALS): return ControlSpace.credentials.byteCount
    case (IPPROTO_IPV6, IPV6_PKTINFO): return ControlSpace.packetInfo.byteCount
    case (IPPROTO_IPV6, IPV6_HOPLIMIT), (IPPROTO_IPV6, IPV6_TCLASS): return ControlSpace.number.byteCount
    default:
        PHPWarning.give("socket_cmsg_space", "Pair level \(level) and/or type \(type) is not supported")
        return nil
    }
}

// MARK: Parts of a message

/// The size of the header of a piece of control data.
private let controlHeader = 16

/// Room for so many bytes of control data, descriptors among it.
private func controlSpace(_ room: Int) -> ControlSpace {
    let descriptors = ControlSpace.descriptors(upTo: (room - controlHeader) / 4)
    let rest = room - descriptors.byteCount - controlHeader
    return rest > 0 ? [descriptors, .bytes(rest)] : descriptors
}

private func flagsError(_ function: String) -> PHPError {
    .value(function, 3, "flags", "must be between -2147483648 and 2147483647")
}

/// What is wrong with a part of a message, in PHP's words, and where.
private struct ConversionError: Error {
    let path: String
    let problem: String

    init(_ path: String, _ problem: String) {
        self.path = path
        self.problem = problem
    }
}

/// A number as C has it.
private func number<Number: FixedWidthInteger>(
    _ value: Int, _ path: String, _ type: String
) throws(ConversionError) -> Number {
    guard let number = Number(exactly: value) else {
        throw ConversionError(path, "given PHP integer is out of bounds for \(type)")
    }
    return number
}

private func controlRoom(of message: PHPMessage) throws(ConversionError) -> Int {
    guard let room = message.controllen else { throw ConversionError("", "The key 'controllen' is required") }
    let size: UInt32 = try number(room, "controllen", "an unsigned 32-bit integer")
    guard size > 0 else { throw ConversionError("controllen", "controllen cannot be 0") }
    guard (0...104_857_600).contains(message.buffer_size) else {
        throw ConversionError(
            "buffer_size",
            "the buffer size must be between 1 and 104857600; given \(message.buffer_size)")
    }
    return Int(size)
}

private func address(_ name: PHPName, _ socket: PHPSocket) throws(ConversionError) -> SocketAddress? {
    switch name {
    case .any: return nil
    case .inet(let text, let port):
        let port: UInt16 = try number(port, "name > port", "an unsigned 16-bit integer")
        return try host(text, "name > addr", "AF_INET", socket) { text throws(SocketError) in
            try PHPAddress.ipv4(text, port: port)
        }
    case .inet6(let text, let port, let flowInfo, let scope):
        let port: UInt16 = try number(port, "name > port", "an unsigned 16-bit integer")
        let flowInfo: UInt32 = try number(flowInfo, "name > flowinfo", "an unsigned 32-bit integer")
        let scope: UInt32 = try number(scope, "name > scope_id", "an unsigned 32-bit integer")
        let ip = try ipv6(text, "name > addr", socket)
        return .ipv6(ip, port: port, scope: scope, flowInfo: flowInfo)
    case .unix(let path):
        guard !path.isEmpty else { throw ConversionError("name > path", "the path is cannot be empty") }
        let longest = PHPAddress.longestPath
        guard path.count <= longest, let address = try? PHPAddress.unix(path) else {
            throw ConversionError("name > path", "the path is too long, the maximum permitted length is \(longest)")
        }
        return address
    }
}

/// A host's address; one that is not found is an error of the socket functions too.
private func host(
    _ text: String, _ path: String, _ family: String, _ socket: PHPSocket,
    _ find: (String) throws(SocketError) -> SocketAddress
) throws(ConversionError) -> SocketAddress {
    do throws(SocketError) {
        return try find(text)
    } catch {
        socket.fail("socket_sendmsg", "Host lookup failed", error)
        throw ConversionError(path, "could not resolve address '\(text)' to get an \(family) address")
    }
}

private func ipv6(_ text: String, _ path: String, _ socket: PHPSocket) throws(ConversionError) -> IPv6Address {
    let found = try host(text, path, "AF_INET6", socket) { text throws(SocketError) in
        try PHPAddress.ipv6(text, port: 0)
    }
    guard case .v6(let address)? = found.ip else { throw ConversionError(path, "no IPv6 address") }
    return address
}

/// The control data of a message to send.
private struct OutgoingControl {
    private(set) var descriptors: [FileDescriptor] = []
    private(set) var messages: [ControlMessage] = []

    init(_ control: [PHPControl], _ socket: PHPSocket) throws(ConversionError) {
        for (index, piece) in control.enumerated() {
            try add(piece, "control > element #\(index)", socket)
        }
    }

    private mutating func add(_ piece: PHPControl, _ path: String, _ socket: PHPSocket) throws(ConversionError) {
        let data = "\(path) > data"
        switch piece {
        case .rights(let sent):
            if sent.isEmpty { throw ConversionError(path, "expected at least one element in this array") }
            for (index, descriptor) in sent.enumerated() {
                try descriptors.append(descriptor.number("\(data) > element #\(index + 1)"))
            }
        case .credentials(let process, let user, let group):
            messages.append(
                .credentials(
                    Credentials(
                        processID: try number(process, "\(data) > pid", "a pid_t value"),
                        userID: try number(user, "\(data) > uid", "a uid_t value"),
                        groupID: try number(group, "\(data) > gid", "a uid_t value"))))
        case .packetInfo(let text, let interface):
            let address = try ipv6(text, "\(data) > addr", socket)
            let index = try Self.index(of: interface, "\(data) > ifindex")
            messages.append(.ipv6PacketInfo(IPv6PacketInfo(interface: index, address: address)))
        case .hopLimit(let limit): messages.append(.ipv6HopLimit(try number(limit, data, "a native int")))
        case .trafficClass(let value): messages.append(.ipv6TrafficClass(try number(value, data, "a native int")))
        }
    }

    private static func index(of interface: PHPInterface, _ path: String) throws(ConversionError) -> UInt32 {
        switch interface {
        case .index(let index): return try number(index, path, "an unsigned 32-bit integer")
        case .name(let name):
            guard let found = try? NetworkInterface(name: name) else {
                throw ConversionError(path, "no interface with name \"\(name)\" could be found")
            }
            return found.index
        }
    }
}

/// A message as PHP shows it.
private struct ReceivedPHPMessage {
    let count: Int
    let sender: SocketAddress?
    let flags: Int
    /// `nil` if there was control data that PHP does not know.
    let message: PHPMessage?
    /// The first such control data.
    private(set) var unknown: (number: Int, level: Int32, type: Int32)?

    init(_ received: consuming ReceivedMessage, _ bytes: [UInt8], _ wanted: PHPMessage, _ family: Int) {
        count = received.byteCount
        sender = received.sender
        flags = Int(received.flags.rawValue) & ~MSG_CMSG_CLOEXEC
        var message = wanted
        message.name = wanted.name == nil ? nil : Self.name(received.sender)
        message.iov = bytes.isEmpty ? [] : [PHPString(bytes)]
        message.flags = flags
        message.control = []
        for (index, piece) in received.control.enumerated() {
            if let known = PHPControl(piece) {
                message.control.append(known)
            } else if unknown == nil {
                unknown = (index + 1, piece.level, piece.type)
            }
        }
        var rights: [PHPDescriptor] = []
        while let descriptor = received.descriptors.takeFirst() { rights.append(PHPDescriptor(descriptor)) }
        if !rights.isEmpty { message.control.append(.rights(rights)) }
        self.message = unknown == nil ? message : nil
    }

    private static func name(_ address: SocketAddress?) -> PHPName? {
        switch address {
        case .ipv4(let address, let port): .inet(addr: "\(address)", port: Int(port))
        case .ipv6(let address, let port, let scope, let flowInfo):
            .inet6(addr: "\(address)", port: Int(port), flowinfo: Int(flowInfo), scope_id: Int(scope))
        case .unix(let address): address.isUnnamed ? nil : .unix(path: PHPAddress.unix(address))
        case .other, nil: nil
        }
    }
}

extension PHPControl {
    fileprivate init?(_ message: ControlMessage) {
        switch message {
        case .credentials(let sender):
            self = .credentials(pid: Int(sender.processID), uid: Int(sender.userID), gid: Int(sender.groupID))
        case .ipv6PacketInfo(let info):
            self = .packetInfo(addr: "\(info.address)", ifindex: .index(Int(info.interface)))
        case .ipv6HopLimit(let limit): self = .hopLimit(Int(limit))
        case .ipv6TrafficClass(let value): self = .trafficClass(Int(value))
        default: return nil
        }
    }
}

extension PHPDescriptor {
    fileprivate func number(_ path: String) throws(ConversionError) -> FileDescriptor {
        switch self {
        case .socket(let socket):
            guard let descriptor = socket.descriptor else { throw ConversionError(path, "socket is already closed") }
            return descriptor
        case .stream(let stream): return stream.descriptor
        }
    }

    /// A socket if it is one, of any family that PHP knows.
    fileprivate init(_ received: consuming OwnedDescriptor) {
        let descriptor = received.release()
        let socket = Socket(adopting: descriptor)
        if let family = try? socket.get(.family), [AF_UNIX, AF_INET, AF_INET6].contains(Int(family.rawValue)) {
            self = .socket(PHPSocket(socket, family: Int(family.rawValue)))
        } else {
            self = .stream(PHPStream(adopting: OwnedDescriptor(adopting: socket.release())))
        }
    }
}
