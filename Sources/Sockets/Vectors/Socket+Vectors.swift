// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Sends the contents of all buffers, in order, in one call.
    ///
    /// - Returns: The number of bytes taken; on a stream it can be less than ``IOVector/byteCount``, and
    ///   ``IOVector/removeFirst(_:)`` then leaves what remains.
    /// - Throws: `SocketError` as ``send(_:flags:retryOnInterrupt:)-(RawSpan,_,_)``.
    ///
    /// The corresponding C function is `sendmsg`, as `writev` has no way to keep `SIGPIPE` from being raised.
    public func send(
        _ vector: IOVector, flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try sendMessage(vector, flags: flags, retryOnInterrupt: retryOnInterrupt)
    }

    /// Receives into all buffers, in order, in one call.
    ///
    /// What the buffers held before is replaced; if the call fails they stay as they are.
    ///
    /// - Returns: The number of bytes received, 0 at the end of a stream.
    /// - Throws: `SocketError` as ``receive(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)``.
    ///
    /// The corresponding C functions are `readv` and `recvmsg`.
    public func receive(
        into vector: inout IOVector, flags: ReceiveFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try receiveMessage(into: &vector, flags: flags, retryOnInterrupt: retryOnInterrupt).byteCount
    }

    /// Sends two pieces of memory in one call, without copying them together.
    ///
    /// - Returns: The number of bytes taken, of both together.
    /// - Throws: `SocketError` as ``send(_:flags:retryOnInterrupt:)-(RawSpan,_,_)``.
    ///
    /// The corresponding C function is `sendmsg`.
    public func send(
        gathering first: RawSpan, _ second: RawSpan, flags: SendFlags = [], retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        try checked(
            .send, System.send(descriptor, gathering: first, second, flags, retryOnInterrupt: retryOnInterrupt))
    }

    /// Sends as much of two pieces of memory as can be sent without waiting, whatever the socket's mode.
    ///
    /// - Returns: The number of bytes taken, of both together, or `nil` if none can be taken now.
    /// - Throws: `SocketError`, but never for would-block.
    ///
    /// The corresponding C function is `sendmsg`, with `MSG_DONTWAIT`.
    public func trySend(
        gathering first: RawSpan, _ second: RawSpan, flags: SendFlags = []
    ) throws(SocketError) -> Int? {
        let flags = flags.union(.doNotWait)
        let result = System.send(descriptor, gathering: first, second, flags, retryOnInterrupt: true)
        return try checkedUnlessWouldBlock(.send, result)
    }

    /// Receives into two pieces of memory, in order, in one call, appending to each.
    ///
    /// - Returns: The number of bytes received, in both together, 0 at the end of a stream.
    /// - Throws: `SocketError` as ``receive(into:flags:retryOnInterrupt:)-(OutputRawSpan,_,_)``.
    ///
    /// The corresponding C function is `recvmsg`.
    public func receive(
        scatteringInto first: inout OutputRawSpan, _ second: inout OutputRawSpan, flags: ReceiveFlags = [],
        retryOnInterrupt: Bool = true
    ) throws(SocketError) -> Int {
        let result = System.receive(
            descriptor, scatteringInto: &first, &second, flags, retryOnInterrupt: retryOnInterrupt)
        return try checked(.receive, result)
    }
}
