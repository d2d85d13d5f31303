// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

extension Socket {
    /// Sends bytes with an address, descriptors and control data, as far as each is given.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - address: Where to send a datagram; `nil` sends to the connected peer.
    ///   - descriptors: Descriptors for the peer, which gets duplicates of them; Unix sockets only, at most 253.
    ///   - control: Control data.
    ///   - flags: How to send.
    ///   - retryOnInterrupt: Whether to begin again when a signal interrupts the call; otherwise it throws `EINTR`.
    /// - Returns: The number of bytes taken. Descriptors and control data go with the first of them.
    /// - Throws: `SocketError` as ``send(_:flags:retryOnInterrupt:)-(RawSpan,_,_)``; also for descriptors without a
    ///   single byte on a stream, which the kernel would drop without a word.
    ///
    /// The corresponding C function is `sendmsg`, with `MSG_NOSIGNAL`.
    public func sendMessage(
        _ bytes: RawSpan, to address: SocketAddress? = nil, descriptors: [FileDescriptor] = [],
        control: [ControlMessage] = [], flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        let outgoing = try outgoingControl(descriptors, control, payloadIsEmpty: bytes.isEmpty)
        let result = System.sendMessage(
            descriptor, bytes, to: address, control: outgoing, flags, retryOnInterrupt: retryOnInterrupt)
        return try checked(.send, result, subject: address.map(SocketError.Subject.address))
    }

    /// Sends the contents of all buffers as one message, otherwise as
    /// ``sendMessage(_:to:descriptors:control:flags:retryOnInterrupt:)-(RawSpan,_,_,_,_,_)``.
    public func sendMessage(
        _ vector: IOVector, to address: SocketAddress? = nil, descriptors: [FileDescriptor] = [],
        control: [ControlMessage] = [], flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        let outgoing = try outgoingControl(descriptors, control, payloadIsEmpty: vector.byteCount == 0)
        let result = System.sendMessage(
            descriptor, vector, to: address, control: outgoing, flags, retryOnInterrupt: retryOnInterrupt)
        return try checked(.send, result, subject: address.map(SocketError.Subject.address))
    }

    /// Sends bytes as one message, as
    /// ``sendMessage(_:to:descriptors:control:flags:retryOnInterrupt:)-(RawSpan,_,_,_,_,_)``.
    public func sendMessage(
        _ bytes: [UInt8], to address: SocketAddress? = nil, descriptors: [FileDescriptor] = [],
        control: [ControlMessage] = [], flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        // SAFETY: reading initialised UInt8s as raw bytes; the array is borrowed for the call.
        try sendMessage(
            unsafe bytes.span.bytes, to: address, descriptors: descriptors, control: control, flags: flags,
            retryOnInterrupt: retryOnInterrupt)
    }

    /// Receives a message with its sender, descriptors and control data, and appends its bytes to the buffer.
    ///
    /// - Parameters:
    ///   - buffer: Where to append.
    ///   - control: What control data to expect. Descriptors beyond what was expected are closed.
    ///   - flags: How to receive.
    ///   - retryOnInterrupt: Whether to go on waiting when a signal interrupts the call; otherwise it throws `EINTR`.
    /// - Throws: `SocketError` as ``receive(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)``.
    ///
    /// The corresponding C function is `recvmsg`, with `MSG_CMSG_CLOEXEC`.
    public func receiveMessage(
        into buffer: inout OutputRawSpan, control: ControlSpace = [], flags: ReceiveFlags = [],
        retryOnInterrupt: Bool = true
    ) throws(SocketError) -> ReceivedMessage {
        var space = [UInt8](repeating: 0, count: control.byteCount)
        let raw = try checked(
            .receive,
            System.receiveMessage(descriptor, &buffer, control: &space, flags, retryOnInterrupt: retryOnInterrupt))
        return ReceivedMessage(raw, control: space, expecting: control)
    }

    /// Receives a message, as ``receiveMessage(into:control:flags:retryOnInterrupt:)-(OutputRawSpan,_,_,_)``.
    public func receiveMessage(
        into buffer: inout OutputSpan<UInt8>, control: ControlSpace = [], flags: ReceiveFlags = [],
        retryOnInterrupt: Bool = true
    ) throws(SocketError) -> ReceivedMessage {
        var space = [UInt8](repeating: 0, count: control.byteCount)
        let raw = try checked(
            .receive,
            System.receiveMessage(descriptor, &buffer, control: &space, flags, retryOnInterrupt: retryOnInterrupt))
        return ReceivedMessage(raw, control: space, expecting: control)
    }

    /// Receives a message into all buffers, in order, otherwise as
    /// ``receiveMessage(into:control:flags:retryOnInterrupt:)-(OutputRawSpan,_,_,_)``.
    public func receiveMessage(
        into vector: inout IOVector, control: ControlSpace = [], flags: ReceiveFlags = [],
        retryOnInterrupt: Bool = true
    ) throws(SocketError) -> ReceivedMessage {
        var space = [UInt8](repeating: 0, count: control.byteCount)
        let raw = try checked(
            .receive,
            System.receiveMessage(descriptor, &vector, control: &space, flags, retryOnInterrupt: retryOnInterrupt))
        return ReceivedMessage(raw, control: space, expecting: control)
    }

    private func outgoingControl(
        _ descriptors: [FileDescriptor], _ control: [ControlMessage], payloadIsEmpty: Bool
    ) throws(SocketError) -> [UInt8] {
        if payloadIsEmpty, !descriptors.isEmpty, try get(.type) == .stream {
            throw SocketError(.send, .invalid(.descriptorsWithoutData))
        }
        return ControlCoding.encode(descriptors: descriptors, control)
    }
}

extension ReceivedMessage {
    init(_ raw: System.RawMessage, control space: [UInt8], expecting: ControlSpace) {
        let received = ControlCoding.decode(space.prefix(raw.controlByteCount))
        let surplus = received.descriptors.dropFirst(expecting.descriptorLimit)
        for descriptor in surplus {
            _ = System.close(descriptor)
        }
        self.init(
            byteCount: raw.byteCount, sender: raw.sender, control: received.messages,
            flags: surplus.isEmpty ? raw.flags : raw.flags.union(.controlTruncated),
            descriptors: ReceivedDescriptors(Array(received.descriptors.prefix(expecting.descriptorLimit))))
    }
}
