// SPDX-License-Identifier: Apache-2.0

/// Why an attempt at a job has failed: bytes, most of which are text, in whatever encoding the program that failed
/// writes.
///
/// The bytes travel as they are. ``text`` is for showing them.
public struct FailureReason: Hashable, Sendable {
    /// The reason, byte for byte.
    public let bytes: [UInt8]

    /// A reason of any bytes.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// A reason that is text.
    public init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The reason as text; what is not UTF-8 is replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension FailureReason: ExpressibleByStringInterpolation {
    /// A reason that is text.
    public init(stringLiteral text: String) {
        self.init(text)
    }
}

extension FailureReason: CustomStringConvertible {
    /// The reason as text.
    public var description: String { text }
}
