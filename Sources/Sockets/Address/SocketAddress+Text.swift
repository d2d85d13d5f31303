// SPDX-License-Identifier: Apache-2.0

extension SocketAddress {
    /// Reads an address as ``description`` prints it: `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80` (a scope is an
    /// interface's index or name), `unix:/run/x.sock`, `unix:@name` (abstract) or `unix:` (unnamed).
    ///
    /// In a Unix address `\xNN` stands for one byte and `\\` for a backslash.
    ///
    /// - Throws: `SocketError` whose reason says what is wrong with the text. An interface's name is looked up; nothing
    ///   else asks the system.
    public init(parsing text: String) throws(SocketError) {
        func refused(_ argument: SocketError.InvalidArgument) -> SocketError {
            SocketError(.parseAddress, .invalid(argument), subject: .text(text))
        }
        if text.hasPrefix("unix:") {
            guard let name = EscapedBytes.decode(text.dropFirst(5)) else { throw refused(.malformedAddress) }
            self = .unix(try Self.unixAddress(name))
            return
        }
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { throw refused(.malformedAddress) }
        let host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            throw refused(.malformedAddress)
        }
        guard let port = UInt16(digits) else { throw refused(.portOutOfRange) }
        guard !host.isEmpty else { throw refused(.emptyHost) }

        if host.hasPrefix("["), host.hasSuffix("]") {
            let parts = host.dropFirst().dropLast().split(
                separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = parts.first, let address = IPv6Address(first) else { throw refused(.malformedAddress) }
            let scope = parts.count == 2 ? try Self.scope(parts[1]) : 0
            self = .ipv6(address, port: port, scope: scope)
        } else if let address = IPv4Address(host) {
            self = .ipv4(address, port: port)
        } else {
            throw refused(.malformedAddress)
        }
    }

    private static func unixAddress(_ name: EscapedBytes.Decoded) throws(SocketError) -> UnixAddress {
        if name.bytes.isEmpty { return .unnamed }
        if name.startsWithPlainAt { return try UnixAddress(abstractName: Array(name.bytes.dropFirst())) }
        return try UnixAddress(path: name.bytes)
    }

    private static func scope(_ text: Substring) throws(SocketError) -> UInt32 {
        if let index = UInt32(text) { return index }
        return try NetworkInterface(name: String(text)).index
    }
}

extension SocketAddress: CustomStringConvertible {
    /// The address as ``init(parsing:)`` reads it, on one line whatever bytes are in it.
    public var description: String {
        switch self {
        case .ipv4(let address, let port): "\(address):\(port)"
        case .ipv6(let address, let port, let scope, _):
            scope == 0 ? "[\(address)]:\(port)" : "[\(address)%\(scope)]:\(port)"
        case .unix(let address): address.description
        case .other(let address): "\(address.family):\(EscapedBytes.encode(address.bytes))"
        }
    }
}

extension UnixAddress: CustomStringConvertible {
    /// `unix:` and the path, or `unix:@` and the abstract name, or `unix:` alone.
    public var description: String {
        if let abstractName {
            "unix:@" + EscapedBytes.encode(abstractName)
        } else if socketPath.first == UInt8(ascii: "@") {
            "unix:\\x40" + EscapedBytes.encode(socketPath.dropFirst())
        } else {
            "unix:" + EscapedBytes.encode(socketPath)
        }
    }
}

/// Bytes as one line of text: what is not printable is `\xNN`, and a backslash is doubled.
enum EscapedBytes {
    struct Decoded {
        var bytes: [UInt8]
        /// Whether the text began with `@` itself and not with an escape for it.
        var startsWithPlainAt: Bool
    }

    static func encode(_ bytes: some Collection<UInt8>) -> String {
        let isText = String(validating: bytes, as: UTF8.self) != nil
        var text: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\\"): text += "\\\\".utf8
            case 0..<32, 127: text += hexadecimal(byte)
            case 128...: text += isText ? [byte] : hexadecimal(byte)
            default: text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func decode(_ text: Substring) -> Decoded? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        let startsWithPlainAt = rest.first == UInt8(ascii: "@")
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, let value = UInt8(digits, radix: 16)
                else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            default: return nil
            }
        }
        return Decoded(bytes: bytes, startsWithPlainAt: startsWithPlainAt)
    }

    private static func hexadecimal(_ byte: UInt8) -> [UInt8] {
        let digits = String(byte, radix: 16)
        return Array("\\x\(digits.count == 1 ? "0" : "")\(digits)".utf8)
    }
}
