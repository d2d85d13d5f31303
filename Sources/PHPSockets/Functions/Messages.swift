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
    guard let control = try OutgoingControl(function, message.control) else { return nil }
    let name = try message.name.map { name throws(PHPError) in try address(name, function) }
    return try socket.call(function, "Error in sendmsg") { socket throws(SocketError) in
        guard message.iov.count <= IOVector.maximumCount else { throw SocketError(.send, .system(.messageTooLong)) }
        var vector = IOVector()
        for piece in message.iov { try vector.append(piece.bytes) }
        return try socket.sendMessage(
            vector, to: name ?? nil, descriptors: control.descriptors, control: control.messages,
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
    guard let room = wanted.controllen, room > 0, (0...104_857_600).contains(wanted.buffer_size) else {
        let problem =
            wanted.controllen == nil
            ? "error converting user data (path: msghdr): The key 'controllen' is required"
            : "error converting user data (path: msghdr): a size is out of range"
        PHPWarning.give(function, problem)
        return nil
    }
    let received = try socket.call(function, "Error in recvmsg") { plain throws(SocketError) in
        var vector = try IOVector(capacities: [wanted.buffer_size])
        let received = try plain.receiveMessage(
            into: &vector, control: [.bytes(room - controlHeader), .descriptors(upTo: descriptorCount(room))],
            flags: receiveFlags(flags), retryOnInterrupt: false)
        return ReceivedPHPMessage(received, vector[0], wanted, socket.family)
    }
    guard let received else { return nil }
    if received.message == nil {
        PHPWarning.give(function, "error converting native data (path: msghdr > control): unknown control message")
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
    _ flags: inout Int, _ addr: inout String, _ port: inout Int
) throws(PHPError) -> Int? {
    let function = "socket_recvmsg"
    try socket.requireOpen(function)
    let buffers = try iovec.require(function, argument: 2)
    guard controllen >= 0 else { return nil }
    let (room, given) = (controllen, receiveFlags(flags))
    let received = try socket.call(function, "Error in recvmsg") { plain throws(SocketError) in
        var vector = try SocketIOVec.receiving(buffers)
        let received = try plain.receiveMessage(
            into: &vector, control: [.bytes(max(0, room - controlHeader)), .descriptors(upTo: descriptorCount(room))],
            flags: given, retryOnInterrupt: false)
        iovec.take(vector)
        return ReceivedPHPMessage(received, [], PHPMessage(name: .any, controllen: room), socket.family)
    }
    guard let received else { return nil }
    control = received.message?.control ?? []
    controllen = control.count
    flags = received.message?.flags ?? 0
    if let sender = received.sender {
        addr = PHPAddress.text(sender)
        if let number = sender.port { port = Int(number) }
    }
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

/// How many descriptors room of so many bytes is for.
private func descriptorCount(_ room: Int) -> Int { max(0, room - controlHeader) / 4 }

private func flagsError(_ function: String) -> PHPError {
    .value(function, 3, "flags", "must be between -2147483648 and 2147483647")
}

private func address(_ name: PHPName, _ function: String) throws(PHPError) -> SocketAddress? {
    func wrong(_ problem: String) -> PHPError { .value(function, 2, "message", problem) }
    switch name {
    case .any: return nil
    case .inet(let text, let port):
        guard let port = UInt16(exactly: port) else { throw wrong("must have a port between 0 and 65535") }
        guard let address = try? PHPAddress.ipv4(text, port: port) else { throw wrong("must have an IPv4 address") }
        return address
    case .inet6(let text, let port, let flowInfo, let scope):
        guard let port = UInt16(exactly: port) else { throw wrong("must have a port between 0 and 65535") }
        guard let found = try? PHPAddress.ipv6(text, port: port), case .ipv6(let address, _, _, _) = found else {
            throw wrong("must have an IPv6 address")
        }
        guard let flowInfo = UInt32(exactly: flowInfo), let scope = try PHPAddress.index(of: scope, function) else {
            throw wrong("must have a flowinfo and a scope_id of 32 bits")
        }
        return .ipv6(address, port: port, scope: scope, flowInfo: flowInfo)
    case .unix(let path):
        guard !path.isEmpty, let address = try? PHPAddress.unix(PHPString(path)) else {
            throw wrong("must have a path of 1 to 107 bytes")
        }
        return address
    }
}

/// The control data of a message to send.
private struct OutgoingControl {
    private(set) var descriptors: [FileDescriptor] = []
    private(set) var messages: [ControlMessage] = []

    /// - Returns: `nil`, with a warning, if there is something that cannot be sent.
    init?(_ function: String, _ control: [PHPControl]) throws(PHPError) {
        for (index, piece) in control.enumerated() {
            let isConverted = try add(piece, function)
            guard isConverted else {
                let path = "msghdr > control > element #\(index) > data"
                PHPWarning.give(function, "error converting user data (path: \(path)): the value cannot be sent")
                return nil
            }
        }
    }

    private mutating func add(_ piece: PHPControl, _ function: String) throws(PHPError) -> Bool {
        switch piece {
        case .rights(let sent):
            for descriptor in sent {
                switch descriptor {
                case .socket(let socket):
                    guard let descriptor = socket.descriptor else { return false }
                    descriptors.append(descriptor)
                case .stream(let stream): descriptors.append(stream.descriptor)
                }
            }
            return !sent.isEmpty
        case .credentials(let process, let user, let group):
            guard let process = Int32(exactly: process), let user = UInt32(exactly: user),
                let group = UInt32(exactly: group)
            else { return false }
            messages.append(.credentials(Credentials(processID: process, userID: user, groupID: group)))
        case .packetInfo(let text, let interface):
            guard let address = IPv6Address(text) else { return false }
            guard let index = try PHPAddress.index(of: interface, function) else { return false }
            messages.append(.ipv6PacketInfo(IPv6PacketInfo(interface: index, address: address)))
        case .hopLimit(let limit):
            guard let limit = Int32(exactly: limit) else { return false }
            messages.append(.ipv6HopLimit(limit))
        case .trafficClass(let value):
            guard let value = Int32(exactly: value) else { return false }
            messages.append(.ipv6TrafficClass(value))
        }
        return true
    }
}

/// A message as PHP shows it.
private struct ReceivedPHPMessage {
    let count: Int
    let sender: SocketAddress?
    /// `nil` if there was control data that PHP does not know.
    private(set) var message: PHPMessage?

    init(_ received: consuming ReceivedMessage, _ bytes: [UInt8], _ wanted: PHPMessage, _ family: Int) {
        count = received.byteCount
        sender = received.sender
        var message = wanted
        message.name = wanted.name == nil ? nil : Self.name(received.sender)
        message.iov = bytes.isEmpty ? [] : [PHPString(bytes)]
        message.flags = Int(received.flags.rawValue) & ~MSG_CMSG_CLOEXEC
        message.control = []
        var isKnown = true
        for piece in received.control {
            guard let known = PHPControl(piece) else {
                isKnown = false
                break
            }
            message.control.append(known)
        }
        var rights: [PHPDescriptor] = []
        while let descriptor = received.descriptors.takeFirst() { rights.append(PHPDescriptor(descriptor)) }
        if !rights.isEmpty { message.control.append(.rights(rights)) }
        self.message = isKnown ? message : nil
    }

    private static func name(_ address: SocketAddress?) -> PHPName? {
        switch address {
        case .ipv4(let address, let port): .inet(addr: "\(address)", port: Int(port))
        case .ipv6(let address, let port, let scope, let flowInfo):
            .inet6(addr: "\(address)", port: Int(port), flowinfo: Int(flowInfo), scope_id: .index(Int(scope)))
        case .unix(let address): address.isUnnamed ? nil : .unix(path: address.path ?? "")
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
