// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// A socket option that can be read and set, and the Swift type of its value.
///
/// ```swift
/// try socket.set(.noDelay, to: true)
/// try socket.set(.receiveTimeout, to: .seconds(5))
/// let bytes = try socket.get(.receiveBufferSize)
/// ```
///
/// The options that this library knows are static members. Any other is made from its numbers with
/// ``init(integer:level:)``, ``init(flag:level:)`` or ``init(bytes:level:capacity:)``.
public struct SocketOption<Value: Sendable>: Sendable {
    /// Which option.
    public let name: SocketOptionName
    let codec: OptionCodec<Value>

    init(_ name: SocketOptionName, _ codec: OptionCodec<Value>) {
        self.name = name
        self.codec = codec
    }
}

/// A socket option that can only be read.
public struct ReadOnlySocketOption<Value: Sendable>: Sendable {
    /// Which option.
    public let name: SocketOptionName
    let codec: OptionCodec<Value>

    init(_ name: SocketOptionName, _ codec: OptionCodec<Value>) {
        self.name = name
        self.codec = codec
    }
}

/// A socket option that can only be set.
public struct WriteOnlySocketOption<Value: Sendable>: Sendable {
    /// Which option.
    public let name: SocketOptionName
    let codec: OptionCodec<Value>

    init(_ name: SocketOptionName, _ codec: OptionCodec<Value>) {
        self.name = name
        self.codec = codec
    }
}

extension SocketOption<Bool> {
    /// Any option whose value is a C `int` used as a switch.
    public init(flag number: Int32, level: SocketOptionLevel) {
        self.init(SocketOptionName(level: level, number: number), .flag)
    }
}

extension SocketOption<Int> {
    /// Any option whose value is a C `int`.
    public init(integer number: Int32, level: SocketOptionLevel) {
        self.init(SocketOptionName(level: level, number: number), .int)
    }
}

extension SocketOption<[UInt8]> {
    /// Any option, with its value's bytes as they are.
    ///
    /// - Parameters:
    ///   - number: The option.
    ///   - level: Its level.
    ///   - capacity: The most bytes to read, a mebibyte at most; a longer value is cut by the system.
    public init(bytes number: Int32, level: SocketOptionLevel, capacity: Int) {
        self.init(SocketOptionName(level: level, number: number), .bytes(capacity: min(max(0, capacity), 1 << 20)))
    }
}

extension Socket {
    /// Reads an option.
    ///
    /// - Throws: `SocketError`, naming the option: `ENOPROTOOPT` or `EOPNOTSUPP` if this socket has no such option.
    ///
    /// The corresponding C function is `getsockopt`.
    public func get<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try get(option.name, option.codec)
    }

    /// Reads an option that can only be read, as ``get(_:)-(SocketOption<Value>)``.
    public func get<Value>(_ option: ReadOnlySocketOption<Value>) throws(SocketError) -> Value {
        try get(option.name, option.codec)
    }

    /// Sets an option.
    ///
    /// - Throws: `SocketError`, naming the option. A value that the option's field cannot hold is refused without a
    ///   system call.
    ///
    /// The corresponding C function is `setsockopt`.
    public func set<Value>(_ option: SocketOption<Value>, to value: Value) throws(SocketError) {
        try set(option.name, option.codec, value)
    }

    /// Sets an option that can only be set, as ``set(_:to:)-(SocketOption<Value>,_)``.
    public func set<Value>(_ option: WriteOnlySocketOption<Value>, to value: Value) throws(SocketError) {
        try set(option.name, option.codec, value)
    }

    /// Takes the socket's pending error: what went wrong since the last call, such as a refused connection.
    ///
    /// - Returns: The error number, or `nil`. Reading it clears it.
    /// - Throws: `SocketError` if an adopted descriptor is not a socket.
    ///
    /// The corresponding C function is `getsockopt` with `SO_ERROR`.
    public func takePendingError() throws(SocketError) -> Errno? {
        let number = try get(.pendingErrorNumber, .int)
        return number == 0 ? nil : Errno(rawValue: Int32(truncatingIfNeeded: number))
    }

    func get<Value>(_ name: SocketOptionName, _ codec: OptionCodec<Value>) throws(SocketError) -> Value {
        let result = System.option(descriptor, name, capacity: codec.capacity)
        return codec.decode(try checked(.getOption, result, subject: .option(name)))
    }

    func set<Value>(_ name: SocketOptionName, _ codec: OptionCodec<Value>, _ value: Value) throws(SocketError) {
        let bytes: [UInt8]
        do throws(OptionCodecError) {
            bytes = try codec.encode(value)
        } catch {
            throw SocketError(.setOption, .invalid(error.argument), subject: .option(name))
        }
        try checked(.setOption, System.setOption(descriptor, name, bytes), subject: .option(name))
    }
}
