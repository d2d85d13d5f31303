// SPDX-License-Identifier: Apache-2.0

/// What a connection speaks in place of lines of text; thrown as the reason why it is closed.
public enum ForeignProtocol: Error, Hashable, Sendable, CustomStringConvertible {
    /// A request line like HTTP's, and its method: the first eight bytes of it, all of them printable.
    case request(method: String)
    /// TLS: the first byte of its handshake.
    case tls
    /// A first byte that no text begins with.
    case binary(firstByte: UInt8)

    /// What came, for a log line: `an HTTP request (POST)`.
    public var description: String {
        switch self {
        case .request(let method): "an HTTP request (\(method))"
        case .tls: "a TLS handshake"
        case .binary(let byte): "binary data (first byte 0x\(String(byte, radix: 16, uppercase: true)))"
        }
    }
}
