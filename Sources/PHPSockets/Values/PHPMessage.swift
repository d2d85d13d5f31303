// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

/// A message with its address and control data, as PHP's `socket_sendmsg` and `socket_recvmsg` have it in an array.
public struct PHPMessage {
    /// Where to send it, or who sent it.
    public var name: PHPName?
    /// The data: what to send, or, if there was any, one string with what has arrived.
    public var iov: [PHPString]
    /// The control data.
    public var control: [PHPControl]
    /// What ``socket_recvmsg(_:_:_:)`` says of the message: `MSG_TRUNC`, `MSG_CTRUNC` and others.
    public var flags = 0
    /// How many bytes to receive at most, 0 to 104,857,600.
    public var buffer_size: Int
    /// How much room to receive control data with, 1 or more: see ``socket_cmsg_space(_:_:_:)``.
    public var controllen: Int?

    /// A message to send.
    public init(name: PHPName? = nil, iov: [PHPString] = [], control: [PHPControl] = []) {
        self.init(name, iov, control, 8192, nil)
    }

    /// A message to receive.
    ///
    /// - Parameters:
    ///   - name: ``PHPName/any`` to be told who sent it.
    ///   - buffer_size: How many bytes to receive at most.
    ///   - controllen: How much room to receive control data with.
    public init(name: PHPName? = nil, buffer_size: Int = 8192, controllen: Int?) {
        self.init(name, [], [], buffer_size, controllen)
    }

    private init(_ name: PHPName?, _ iov: [PHPString], _ control: [PHPControl], _ size: Int, _ controllen: Int?) {
        self.name = name
        self.iov = iov
        self.control = control
        buffer_size = size
        self.controllen = controllen
    }
}

/// An address in a ``PHPMessage``.
public enum PHPName: Hashable, Sendable {
    /// None yet: the sender is asked for.
    case any
    /// IPv4.
    case inet(addr: String, port: Int)
    /// IPv6.
    case inet6(addr: String, port: Int, flowinfo: Int = 0, scope_id: Int = 0)
    /// A Unix socket's path, or an abstract name with a zero byte first.
    case unix(path: PHPString)
}

/// A piece of control data in a ``PHPMessage``.
public enum PHPControl {
    /// `SCM_RIGHTS`: descriptors, of sockets or anything else.
    case rights([PHPDescriptor])
    /// `SCM_CREDENTIALS`: the sender.
    case credentials(pid: Int, uid: Int, gid: Int)
    /// `IPV6_PKTINFO`: a packet's address and interface.
    case packetInfo(addr: String, ifindex: PHPInterface)
    /// `IPV6_HOPLIMIT`.
    case hopLimit(Int)
    /// `IPV6_TCLASS`.
    case trafficClass(Int)
}

/// A descriptor that travels beside a message.
public enum PHPDescriptor {
    /// A socket.
    case socket(PHPSocket)
    /// Anything else, which PHP calls a stream.
    case stream(PHPStream)
}

/// A descriptor of a file, a pipe or anything else that is not a socket. It closes itself when nobody holds it any
/// more.
public final class PHPStream {
    private let owned: OwnedDescriptor

    /// Takes over a descriptor.
    public init(adopting descriptor: consuming OwnedDescriptor) {
        owned = descriptor
    }

    var descriptor: FileDescriptor { owned.withDescriptor { $0 } }

    /// Calls `body` with the descriptor's number, which stays this object's and must not be closed or kept.
    public func withDescriptor<Result>(_ body: (Int32) throws -> Result) rethrows -> Result {
        try body(descriptor.rawValue)
    }
}
