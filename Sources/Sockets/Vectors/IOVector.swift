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
/// let header = fields[0]
/// ```
///
/// Each buffer has a capacity, which is what can be received into it, and contents, which are what is sent: receiving
/// fills the buffers in order and leaves those empty that nothing arrived for.
///
/// The corresponding C type is an array of `iovec`.
public struct IOVector: Sendable {
    /// The most buffers that one system call takes (`IOV_MAX`).
    public static let maximumCount = 1024

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
    /// - Throws: `SocketError` for a negative capacity or more than ``maximumCount`` buffers.
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
    /// - Throws: `SocketError` for a negative capacity, or when there are ``maximumCount`` buffers already.
    public mutating func append(capacity: Int) throws(SocketError) {
        guard capacity >= 0 else { throw SocketError(.vector, .invalid(.negative)) }
        guard count < Self.maximumCount else { throw SocketError(.vector, .invalid(.tooManyBuffers)) }
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

    /// The contents of one buffer. Setting them also makes their number the buffer's capacity.
    ///
    /// The index must be one of the buffers', as with an array.
    public subscript(index: Int) -> [UInt8] {
        get {
            let buffer = buffers[index]
            return Array(storage[buffer.offset..<buffer.offset + buffer.count])
        }
        set {
            replaceStorage(of: index, with: newValue)
            buffers[index].capacity = newValue.count
            buffers[index].count = newValue.count
        }
    }

    /// The capacity of one buffer. The index must be one of the buffers', as with an array.
    public func capacity(at index: Int) -> Int {
        buffers[index].capacity
    }

    /// Removes one buffer and returns its contents. The index must be one of the buffers', as with an array.
    @discardableResult
    public mutating func remove(at index: Int) -> [UInt8] {
        let contents = self[index]
        replaceStorage(of: index, with: [])
        buffers.remove(at: index)
        return contents
    }

    /// Removes so many bytes from the front of the contents, and the buffers that this empties, so that what is left
    /// is what a short send has not sent. The number must not be negative or more than ``byteCount``.
    ///
    /// Nothing is moved, so that sending a large list in many short sends takes time in proportion to its size.
    public mutating func removeFirst(_ byteCount: Int) {
        precondition((0...self.byteCount).contains(byteCount), "removing more bytes than there are")
        guard byteCount > 0 else { return }
        var left = byteCount
        let emptied = buffers.prefix { buffer in
            guard buffer.count <= left else { return false }
            left -= buffer.count
            return true
        }
        buffers.removeFirst(emptied.count)
        if left > 0 {
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
        left.buffers == right.buffers && left.indices.allSatisfy { left[$0] == right[$0] }
    }

    /// Hashes the contents.
    public func hash(into hasher: inout Hasher) {
        for index in indices {
            hasher.combine(self[index])
        }
    }

    /// The positions of the buffers.
    public var indices: Range<Int> { buffers.indices }
}
