// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// Why a value cannot be an option's.
struct OptionCodecError: Error {
    let argument: SocketError.InvalidArgument

    init(_ argument: SocketError.InvalidArgument) {
        self.argument = argument
    }
}

/// How the value of an option is written as the bytes of its C type, and read from them.
struct OptionCodec<Value: Sendable>: Sendable {
    /// How many bytes to offer the system for reading.
    let capacity: Int
    let encode: @Sendable (Value) throws(OptionCodecError) -> [UInt8]
    let decode: @Sendable ([UInt8]) -> Value

    /// The same bytes for another Swift type.
    func map<Other>(
        encode: @escaping @Sendable (Other) throws(OptionCodecError) -> Value,
        decode: @escaping @Sendable (Value) -> Other
    ) -> OptionCodec<Other> {
        OptionCodec<Other>(
            capacity: capacity,
            encode: { (other: Other) throws(OptionCodecError) in try self.encode(try encode(other)) },
            decode: { decode(self.decode($0)) })
    }
}

extension OptionCodec<[UInt8]> {
    static func bytes(capacity: Int) -> Self {
        OptionCodec(capacity: capacity, encode: { $0 }, decode: { $0 })
    }
}

extension OptionCodec<Int> {
    /// A C `int`. Some options, when read, give a single byte instead.
    static var int: Self { integer(Int32.self) }

    /// A C integer of another width.
    static func integer<Native: FixedWidthInteger & BitwiseCopyable & Sendable>(_ type: Native.Type) -> Self {
        OptionCodec(
            capacity: MemoryLayout<Native>.size,
            encode: { (value: Int) throws(OptionCodecError) in
                guard let native = Native(exactly: value) else {
                    throw OptionCodecError(value < 0 ? .negative : .outOfRange)
                }
                return nativeBytes(native)
            },
            decode: { bytes in
                if bytes.count == 1 { return Int(bytes[0]) }
                guard bytes.count == MemoryLayout<Native>.size else { return 0 }
                return Int(truncatingIfNeeded: nativeInteger(bytes, as: Native.self))
            })
    }

    /// A C `int` that counts something, and so is never below zero.
    static var count: Self { ranged(0...Int(Int32.max)) }

    /// A C `int` of a narrower range.
    static func ranged(_ range: ClosedRange<Int>) -> Self {
        int.map(
            encode: { (value: Int) throws(OptionCodecError) in
                guard range.contains(value) else {
                    throw OptionCodecError(value < 0 && range.lowerBound >= 0 ? .negative : .outOfRange)
                }
                return value
            },
            decode: { $0 })
    }
}

extension OptionCodec<Bool> {
    /// A C `int` used as a switch.
    static var flag: Self {
        .init(capacity: 4, encode: { nativeBytes(Int32($0 ? 1 : 0)) }, decode: { OptionCodec<Int>.int.decode($0) != 0 })
    }
}

extension OptionCodec<Duration> {
    /// A C `int` of some unit, for times of zero or more. Fractions of the unit are rounded up, so that a short time
    /// does not become none.
    static func int(of unit: Duration) -> Self {
        OptionCodec<Int>.int.map(
            encode: { (value: Duration) throws(OptionCodecError) in try value.rounded(upTo: unit) },
            decode: { unit * $0 })
    }

    /// A `timeval`, rounded up to microseconds. Zero means that there is no time-out.
    static var timeval: Self {
        OptionCodec(
            capacity: 16,
            encode: { (value: Duration) throws(OptionCodecError) in
                let microseconds = try value.rounded(upTo: .microseconds(1))
                return nativeBytes(microseconds / 1_000_000) + nativeBytes(microseconds % 1_000_000)
            },
            decode: { bytes in
                guard bytes.count == 16 else { return .zero }
                return .seconds(nativeInteger(bytes, as: Int.self))
                    + .microseconds(nativeInteger(bytes[8...], as: Int.self))
            })
    }
}

extension OptionCodec<String> {
    /// A C string of at most so many bytes before its zero byte.
    static func text(limit: Int) -> Self {
        OptionCodec(
            capacity: limit + 1,
            encode: { (value: String) throws(OptionCodecError) in
                guard !value.utf8.contains(0) else { throw OptionCodecError(.zeroByte) }
                guard value.utf8.count <= limit else { throw OptionCodecError(.textTooLong(limit: limit)) }
                return Array(value.utf8) + [0]
            },
            decode: { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
}

extension Duration {
    fileprivate func rounded(upTo unit: Duration) throws(OptionCodecError) -> Int {
        guard self >= .zero else { throw OptionCodecError(.negative) }
        // No time-out of a socket needs more than a century, and no arithmetic below overflows with less.
        guard self <= .seconds(100 * 365 * 86400) else { throw OptionCodecError(.outOfRange) }
        let quotient = Int((self / unit).rounded(.down))
        return unit * quotient < self ? quotient + 1 : quotient
    }
}
