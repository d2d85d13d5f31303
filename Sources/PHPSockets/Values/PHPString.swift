// SPDX-License-Identifier: Apache-2.0

/// Bytes that are written and read like text, as a string is in PHP.
///
/// ```swift
/// var data: PHPString = ""
/// while let piece = try socket_read(socket, 8192), piece != "" { data += piece }
/// print(data)
/// ```
///
/// It is a collection of its bytes. As text it is UTF-8, with U+FFFD for bytes that are none.
public struct PHPString: Hashable, Sendable {
    /// The bytes.
    public var bytes: [UInt8]

    /// These bytes.
    public init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    /// The bytes of some text.
    public init(_ text: some StringProtocol) {
        bytes = Array(text.utf8)
    }

    /// No bytes.
    public init() {
        bytes = []
    }

    /// Appends the bytes of another string.
    public static func += (left: inout PHPString, right: PHPString) {
        left.bytes += right.bytes
    }

    /// The bytes of one string and of another.
    public static func + (left: PHPString, right: PHPString) -> PHPString {
        PHPString(left.bytes + right.bytes)
    }
}

extension PHPString: RandomAccessCollection, MutableCollection {
    /// The position of the first byte, 0.
    public var startIndex: Int { 0 }
    /// The number of bytes.
    public var endIndex: Int { bytes.count }

    /// One byte. Past the end there is 0, which cannot be changed.
    public subscript(position: Int) -> UInt8 {
        get { bytes.indices.contains(position) ? bytes[position] : 0 }
        set { if bytes.indices.contains(position) { bytes[position] = newValue } }
    }
}

extension PHPString: ExpressibleByStringInterpolation {
    /// The bytes of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }
}

extension PHPString: CustomStringConvertible {
    /// The bytes as text.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// What the functions take as a string, and give back as one: text, or bytes.
///
/// A `PHPString` or an array holds any bytes, as an abstract Unix address or a path may have them; text has U+FFFD for
/// bytes that are no UTF-8, so that such an address can be shown but not used again.
public protocol PHPStringConvertible {
    /// The bytes.
    var phpString: PHPString { get }
    /// A value with these bytes.
    init(phpString: PHPString)
}

extension PHPString: PHPStringConvertible {
    /// The string itself.
    public var phpString: PHPString { self }
    /// The string itself.
    public init(phpString: PHPString) { self = phpString }
}

extension String: PHPStringConvertible {
    /// The text as UTF-8.
    public var phpString: PHPString { PHPString(self) }
    /// The bytes as text.
    public init(phpString: PHPString) { self = phpString.description }
}

extension Substring: PHPStringConvertible {
    /// The text as UTF-8.
    public var phpString: PHPString { PHPString(self) }
    /// The bytes as text.
    public init(phpString: PHPString) { self = phpString.description[...] }
}

extension [UInt8]: PHPStringConvertible {
    /// The bytes.
    public var phpString: PHPString { PHPString(self) }
    /// The bytes.
    public init(phpString: PHPString) { self = phpString.bytes }
}
