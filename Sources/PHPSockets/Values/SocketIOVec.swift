// SPDX-License-Identifier: Apache-2.0

internal import Sockets

/// A list of buffers that ``socket_readv(_:_:)`` fills and ``socket_writev(_:_:)`` sends: PHP 4's "Socket I/O vector".
public final class SocketIOVec {
    /// The buffers; `nil` once the list is freed.
    var buffers: [Buffer]? = []

    struct Buffer {
        /// What is sent, and what ``socket_iovec_fetch(_:_:)`` gives: zeros until something was set or received.
        var bytes: [UInt8]
        /// How much can be received into it.
        let capacity: Int

        init(capacity: Int) {
            bytes = Array(repeating: 0, count: capacity)
            self.capacity = capacity
        }

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            capacity = bytes.count
        }
    }

    init() {}

    /// Removes so many bytes from the front of what is to be sent, so that a ``socket_writev(_:_:)`` that took only
    /// some can go on. More than there are is all of them.
    public func advance(by byteCount: Int) {
        var left = byteCount
        while left > 0, let first = buffers?.first {
            if first.bytes.count > left {
                buffers?[0] = Buffer(Array(first.bytes.dropFirst(left)))
                return
            }
            left -= first.bytes.count
            buffers?.removeFirst()
        }
    }

    /// The buffers, if the list is not freed.
    func require(_ function: String, argument: Int) throws(PHPError) -> [Buffer] {
        guard let buffers else {
            throw PHPError(.error, "\(function)(): Argument #\(argument) ($iovec) has already been freed")
        }
        return buffers
    }

    /// Empty buffers for one call to receive into.
    static func receiving(_ buffers: [Buffer]) throws(SocketError) -> IOVector {
        try IOVector(capacities: buffers.map(\.capacity))
    }

    /// The buffers' contents for one call to send.
    static func sending(_ buffers: [Buffer]) throws(SocketError) -> IOVector {
        var vector = IOVector()
        for buffer in buffers { try vector.append(buffer.bytes) }
        return vector
    }

    /// Takes what has been received.
    func take(_ received: IOVector) throws(SocketError) {
        for index in received.indices { buffers?[index].bytes = try received[index] }
    }
}

extension IOVector {
    /// Fills the buffers with bytes that were received before.
    ///
    /// - Returns: How many bytes there were; no more than fit.
    mutating func fill(with bytes: [UInt8]) throws(SocketError) -> Int {
        var filled = IOVector()
        var rest = bytes[...]
        for index in indices {
            let capacity = try capacity(at: index)
            try filled.append(rest.prefix(capacity))
            rest = rest.dropFirst(capacity)
        }
        self = filled
        return bytes.count
    }
}
