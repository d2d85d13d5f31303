// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// What `receiveMessage` says of a message, beside its bytes.
@frozen
public struct ReceivedMessage: ~Copyable, Sendable {
    /// The number of bytes received, 0 at the end of a stream.
    public let byteCount: Int
    /// Who sent it; `nil` if the sender has no address, or on a connected stream.
    public let sender: SocketAddress?
    /// What came with it.
    public let control: [ControlMessage]
    /// Whether it, or its control data, was cut, and more.
    public let flags: MessageFlags
    /// The descriptors that came with it. Those not taken are closed with the message.
    public var descriptors: ReceivedDescriptors

    init(
        byteCount: Int, sender: SocketAddress?, control: [ControlMessage], flags: MessageFlags,
        descriptors: consuming ReceivedDescriptors
    ) {
        self.byteCount = byteCount
        self.sender = sender
        self.control = control
        self.flags = flags
        self.descriptors = descriptors
    }
}

/// Descriptors that another process has sent. They belong to this list until they are taken from it, and what is left
/// in it is closed.
@frozen
public struct ReceivedDescriptors: ~Copyable, Sendable {
    @usableFromInline
    var descriptors: [FileDescriptor]

    init(_ descriptors: [FileDescriptor]) {
        self.descriptors = descriptors
    }

    deinit {
        for descriptor in descriptors {
            _ = System.close(descriptor)
        }
    }

    /// How many are left.
    public var count: Int { descriptors.count }

    /// Whether none are left.
    public var isEmpty: Bool { descriptors.isEmpty }

    /// Takes the first of those that are left, in the order in which they were sent; `nil` if none is.
    public mutating func takeFirst() -> OwnedDescriptor? {
        descriptors.isEmpty ? nil : OwnedDescriptor(adopting: descriptors.removeFirst())
    }
}

/// A descriptor of any kind of file and the duty to close it, which happens when the value goes out of scope.
@frozen
public struct OwnedDescriptor: ~Copyable, Sendable {
    @usableFromInline
    let descriptor: FileDescriptor

    /// Takes over a descriptor, which from now on belongs to this value alone.
    public init(adopting descriptor: FileDescriptor) {
        self.descriptor = descriptor
    }

    deinit {
        _ = System.close(descriptor)
    }

    /// Gives the descriptor away, open: it is the caller's to close. A socket is made from it with
    /// ``Socket/init(adopting:)``.
    public consuming func release() -> FileDescriptor {
        let descriptor = descriptor
        discard self
        return descriptor
    }

    /// Calls `body` with the descriptor, which stays this value's and must not be closed or kept.
    public borrowing func withDescriptor<Result: ~Copyable, Failure: Error>(
        _ body: (FileDescriptor) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(descriptor)
    }
}
