// SPDX-License-Identifier: Apache-2.0

/// A list of byte buffers that one call gathers from or scatters into.
///
/// ```swift
/// var message = IOVector()
/// message.append(header)
/// message.append(body)
/// let sent = try socket.send(message)
///
/// var fields = try IOVector(capacities: [4, 16, 1024])
/// let received = try socket.receive(into: &fields)
/// let header = try fields[0]
/// ```
///
/// Each buffer has a capacity, which is what can be received into it, and contents, which are what is sent: receiving
/// fills the buffers in order and leaves those empty that nothing arrived for.
///
/// The corresponding C type is an array of `iovec`.
public struct IOVector: Sendable {
    /// The most buffers that one system call takes (`IOV_MAX`).
    public static let maximumCount = 1024
    /// The largest capacity of all buffers together, in bytes: the most that one system call transfers on Linux.
    public static let maximumCapacity = 0x7FFF_F000

    struct Buffer: Hashable {
        /// Where the buffer begins in the storage.
        var offset: Int
        var capacity: Int
        /// How many of its first bytes are contents.
        var count: Int
    }

    // One piece of memory for all buffers, in their order. There may be unused bytes before the first.
    var storage: [UInt8] = []
    var buffers: [Buffer] = []

    /// A list without buffers.
    public init() {}

    /// A list of empty buffers with these capacities.
    ///
    /// - Throws: `SocketError` for a negative capacity, more than ``maximumCount`` buffers or ``maximumCapacity``
    ///   bytes.
    public init(capacities: [Int]) throws(SocketError) {
        for capacity in capacities {
            try append(capacity: capacity)
        }
    }

    /// The number of buffers.
    public var count: Int { buffers.count }

    /// Whether there are no buffers.
    public var isEmpty: Bool { buffers.isEmpty }

    /// The number of bytes in all buffers together: what is sent.
    public var byteCount: Int { buffers.reduce(0) { $0 + $1.count } }

    /// The capacity of all buffers together: what can be received.
    public var capacity: Int { buffers.reduce(0) { $0 + $1.capacity } }

    /// Appends an empty buffer of the given capacity, to receive into.
    ///
    /// - Throws: `SocketError` for a negative capacity, for one past ``maximumCapacity``, or when there are
    ///   ``maximumCount`` buffers already.
    public mutating func append(capacity: Int) throws(SocketError) {
        guard capacity >= 0 else { throw SocketError(.vector, .invalid(.negative)) }
        guard count < Self.maximumCount else { throw SocketError(.vector, .invalid(.tooManyBuffers)) }
        guard capacity <= Self.maximumCapacity - storage.count else {
            throw SocketError(.vector, .invalid(.outOfRange))
        }
        buffers.append(Buffer(offset: storage.count, capacity: capacity, count: 0))
        storage.append(contentsOf: repeatElement(0, count: capacity))
    }

    /// Appends a buffer with these bytes as its contents and their number as its capacity.
    ///
    /// - Throws: `SocketError` when there are ``maximumCount`` buffers already.
    public mutating func append(_ bytes: some Collection<UInt8>) throws(SocketError) {
        guard count < Self.maximumCount else { throw SocketError(.vector, .invalid(.tooManyBuffers)) }
        buffers.append(Buffer(offset: storage.count, capacity: bytes.count, count: bytes.count))
        storage.append(contentsOf: bytes)
    }

    /// The contents of one buffer.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/outOfRange`` if there is no such buffer.
    public subscript(index: Int) -> [UInt8] {
        get throws(SocketError) { Array(contents(of: try buffer(at: index))) }
    }

    /// The capacity of one buffer.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/outOfRange`` if there is no such buffer.
    public func capacity(at index: Int) throws(SocketError) -> Int {
        try buffer(at: index).capacity
    }

    /// Gives one buffer these bytes as its contents and their number as its capacity.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/outOfRange`` if there is no such buffer.
    public mutating func replace(at index: Int, with bytes: [UInt8]) throws(SocketError) {
        let old = try buffer(at: index)
        replaceStorage(of: index, with: bytes)
        buffers[index] = Buffer(offset: old.offset, capacity: bytes.count, count: bytes.count)
    }

    /// Removes one buffer and returns its contents.
    ///
    /// - Throws: `SocketError` with ``SocketError/InvalidArgument/outOfRange`` if there is no such buffer.
    @discardableResult
    public mutating func remove(at index: Int) throws(SocketError) -> [UInt8] {
        let contents = try self[index]
        replaceStorage(of: index, with: [])
        buffers.remove(at: index)
        return contents
    }

    private func buffer(at index: Int) throws(SocketError) -> Buffer {
        guard indices.contains(index) else { throw SocketError(.vector, .invalid(.outOfRange)) }
        return buffers[index]
    }

    private func contents(of buffer: Buffer) -> ArraySlice<UInt8> {
        storage[buffer.offset..<buffer.offset + buffer.count]
    }

    /// Removes so many bytes from the front of the contents, and the buffers that this empties, so that what is left
    /// is what a short send has not sent. More than there are is all of them, and less than one is none.
    ///
    /// Nothing is moved, so that sending a large list in many short sends takes time in proportion to its size.
    public mutating func removeFirst(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        var left = byteCount
        let emptied = buffers.prefix { buffer in
            guard buffer.count <= left else { return false }
            left -= buffer.count
            return true
        }
        buffers.removeFirst(emptied.count)
        if left > 0, !buffers.isEmpty {
            buffers[0].offset += left
            buffers[0].capacity -= left
            buffers[0].count -= left
        }
    }

    private mutating func replaceStorage(of index: Int, with bytes: [UInt8]) {
        let buffer = buffers[index]
        storage.replaceSubrange(buffer.offset..<buffer.offset + buffer.capacity, with: bytes)
        for later in buffers.indices[(index + 1)...] {
            buffers[later].offset += bytes.count - buffer.capacity
        }
    }

    /// Makes the first so many bytes of the storage, which were just received, the contents.
    mutating func setContents(byteCount: Int) {
        var left = byteCount
        for index in buffers.indices {
            buffers[index].count = min(left, buffers[index].capacity)
            left -= buffers[index].count
        }
    }
}

extension IOVector: Hashable {
    /// Whether both have the same buffers, with the same capacities and contents.
    public static func == (left: IOVector, right: IOVector) -> Bool {
        left.buffers == right.buffers
            && left.buffers.allSatisfy { left.contents(of: $0) == right.contents(of: $0) }
    }

    /// Hashes the contents.
    public func hash(into hasher: inout Hasher) {
        for buffer in buffers {
            hasher.combine(contents(of: buffer))
        }
    }

    /// The positions of the buffers.
    public var indices: Range<Int> { buffers.indices }
}
