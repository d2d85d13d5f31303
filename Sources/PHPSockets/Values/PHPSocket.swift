// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

/// A socket as PHP has it: an object that closes itself when nobody holds it any more.
///
/// ```swift
/// guard let socket = try socket_create(AF_INET, SOCK_STREAM, SOL_TCP) else {
///     print(try socket_strerror(socket_last_error()))
///     return
/// }
/// ```
///
/// After ``socket_close(_:)`` every function throws what PHP throws. A socket is for one thread at a time.
public final class PHPSocket {
    private var open: Open?
    /// The family that the socket was made for, which decides what its addresses look like.
    let family: Int
    /// What `socket_last_error` says of this socket.
    var lastError = 0
    /// The beginning of a line of which no more has arrived yet.
    var beginningOfLine: [UInt8] = []
    /// The index that IP_MULTICAST_IF was set to, which Linux does not tell.
    var multicastInterface = 0

    /// A class, since a socket cannot be borrowed out of an optional.
    private final class Open {
        let socket: Socket

        init(_ socket: consuming Socket) {
            self.socket = socket
        }
    }

    init(_ socket: consuming Socket, family: Int) {
        open = Open(socket)
        self.family = family
    }

    /// Takes over a socket of the `Sockets` library.
    ///
    /// - Throws: `SocketError` if the descriptor is not a socket.
    public convenience init(adopting socket: consuming Socket) throws(SocketError) {
        let family = try socket.get(.family)
        self.init(socket, family: Int(family.rawValue))
    }

    var isClosed: Bool { open == nil }

    func close() {
        open = nil
    }

    func requireOpen(_ function: String) throws(PHPError) {
        if isClosed { throw PHPError(.error, "\(function)(): Argument #1 ($socket) has already been closed") }
    }

    /// Takes what ``socket_read(_:_:_:)`` has kept of a line, for any call that receives: it came first. A call that
    /// only looks leaves it, and one that is for something else gets nothing.
    func takeBeginningOfLine(upTo count: Int, flags: Int = 0) -> [UInt8]? {
        if beginningOfLine.isEmpty || flags & (MSG_OOB | MSG_ERRQUEUE) != 0 { return nil }
        let piece = Array(beginningOfLine.prefix(count))
        if flags & MSG_PEEK == 0 { beginningOfLine.removeFirst(piece.count) }
        return piece
    }

    var descriptor: FileDescriptor? { open?.socket.withDescriptor { $0 } }

    // MARK: Calls

    /// Makes a call on the socket. If the system refuses, both slots of the last error are set, and PHP's warning is
    /// given.
    ///
    /// - Parameter stem: How the warning begins.
    /// - Returns: What `body` returns; `nil` if the system refuses.
    func call<Value>(
        _ function: String, _ stem: String, _ body: (borrowing Socket) throws(SocketError) -> Value
    ) throws(PHPError) -> Value? {
        guard let open else {
            try requireOpen(function)
            return nil
        }
        do throws(SocketError) {
            return try body(open.socket)
        } catch {
            fail(function, stem, error)
            return nil
        }
    }

    /// Makes a call that returns nothing.
    func succeeds(
        _ function: String, _ stem: String, _ body: (borrowing Socket) throws(SocketError) -> Void
    ) throws(PHPError) -> Bool {
        try call(function, stem, body) != nil
    }

    func fail(_ function: String, _ stem: String, _ error: SocketError) {
        lastError = error.phpCode
        error.report(function, stem)
    }
}

extension PHPSocket: Hashable {
    /// Whether both are the same socket.
    public static func == (one: PHPSocket, other: PHPSocket) -> Bool { one === other }

    /// Hashes which socket it is.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }
}

extension SocketError {
    /// The number that `socket_last_error` gives.
    var phpCode: Int {
        switch reason {
        case .system(let errno): Int(errno.rawValue)
        case .nameResolution(let failure): HostError(failure).code
        default: SOCKET_EINVAL
        }
    }

    /// Sets the slot that belongs to no socket, and warns unless the call would merely have had to wait.
    func report(_ function: String, _ stem: String) {
        let code = phpCode
        LastError.code = code
        if code == SOCKET_EAGAIN || code == SOCKET_EINPROGRESS { return }
        let stem = code < -10000 ? "Host lookup failed" : stem
        PHPWarning.give(function, "\(stem) [\(code)]: \(ErrorText.of(code))")
    }
}
