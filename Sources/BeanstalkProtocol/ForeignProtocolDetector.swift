// SPDX-License-Identifier: Apache-2.0

/// Tells by its first bytes, however they are cut, whether a connection speaks HTTP, TLS or something else that is not
/// text.
///
/// A web page can have a browser send almost anything to a port of the browser's own machine, but not how the
/// connection begins: that is a request line or a TLS record. The lines of a request's body would be executed as
/// commands, so such a connection must be closed before anything in it is parsed. See Documentation/protocol.md,
/// "Connections that are refused".
///
/// ```swift
/// var detector: ForeignProtocolDetector? = ForeignProtocolDetector(.beanstalk)
/// …
/// switch detector?.examine(received.span) {
/// case .foreign(let what): …  // close; none of `received` may be parsed
/// case .text: detector = nil  // it need not be asked again
/// case .undecided, nil: break
/// }
/// parser.next(received.span, …)
/// ```
///
/// Until it has decided, no line has ended but empty ones, so what it has been shown may go to a parser of lines.
public struct ForeignProtocolDetector: Sendable {
    /// Which first bytes are refused beside a request line.
    public enum Policy: Hashable, Sendable {
        /// All that no command begins with: control characters but CR and LF, and everything above `~`.
        case beanstalk
        /// Those that browsers begin a connection with: 0x16 for TLS, and 0x00 for STUN (a TURN server that a page
        /// names).
        case browsers
    }

    /// What the bytes so far are.
    public enum Verdict: Hashable, Sendable {
        /// They could still be either.
        case undecided
        /// The connection may be served.
        case text
        /// The connection must be closed.
        case foreign(ForeignProtocol)
    }

    private enum State {
        /// Nothing but empty lines has come.
        case start
        /// The first word, of which so many bytes have come.
        case method(length: UInt8, hasCapitalsOnly: Bool)
        case spaceBeforeTarget
        /// The second word.
        case target
        /// The space before the third word, or as much of `HTTP/` as has come.
        case version(matched: UInt8)
    }

    /// `HTTP/`
    private static let versionPrefix: [5 of UInt8] = [0x48, 0x54, 0x54, 0x50, 0x2F]

    private let policy: Policy
    private var state = State.start
    /// The first bytes of the first word, the last of them in the lowest byte.
    private var word: UInt64 = 0

    /// A detector for one connection.
    public init(_ policy: Policy) {
        self.policy = policy
    }

    /// Examines the bytes that follow those of the call before.
    ///
    /// Must not be called again once it has decided.
    public mutating func examine(_ bytes: Span<UInt8>) -> Verdict {
        for index in bytes.indices {
            let verdict = examine(bytes[index])
            if verdict != .undecided { return verdict }
        }
        return .undecided
    }

    private mutating func examine(_ byte: UInt8) -> Verdict {
        let isLineEnd = byte == 0x0D || byte == 0x0A
        switch state {
        case .start:
            if isLineEnd { return .undecided }
            if isRefusedAsFirst(byte) { return .foreign(byte == 0x16 ? .tls : .binary(firstByte: byte)) }
            state = .method(length: 0, hasCapitalsOnly: true)
            return examineMethod(byte)
        case .method: return examineMethod(byte)
        case _ where isLineEnd: return .text
        case .spaceBeforeTarget: if byte != 0x20 { state = .target }
        case .target: if byte == 0x20 { state = .version(matched: 0) }
        case .version(let matched):
            if matched == 0, byte == 0x20 { break }
            return examineVersion(byte, matched)
        }
        return .undecided
    }

    private func isRefusedAsFirst(_ byte: UInt8) -> Bool {
        switch policy {
        case .beanstalk: byte < 0x20 || byte > 0x7E
        case .browsers: byte == 0x00 || byte == 0x16
        }
    }

    private mutating func examineMethod(_ byte: UInt8) -> Verdict {
        guard case .method(let length, let hasCapitalsOnly) = state else { return .text }
        if byte == 0x20, length > 0 {
            // No command has capitals. That it is HTTP need not be certain, so there is no waiting for the rest of the
            // line.
            if hasCapitalsOnly, length >= 3 { return .foreign(.request(method: firstWord)) }
            state = .spaceBeforeTarget
            return .undecided
        }
        guard Self.isTokenCharacter(byte) else { return .text }
        if length < 8 { word = word << 8 | UInt64(byte) }
        let isCapital = (0x41...0x5A).contains(byte)
        state = .method(length: length == .max ? .max : length + 1, hasCapitalsOnly: hasCapitalsOnly && isCapital)
        return .undecided
    }

    private mutating func examineVersion(_ byte: UInt8, _ matched: UInt8) -> Verdict {
        guard byte == Self.versionPrefix[Int(matched)] else { return .text }
        if matched == 4 { return .foreign(.request(method: firstWord)) }
        state = .version(matched: matched + 1)
        return .undecided
    }

    /// At most eight characters, each of which is one that a method may have.
    private var firstWord: String {
        var bytes: [UInt8] = []
        for shift in stride(from: 56, through: 0, by: -8) {
            let byte = UInt8(truncatingIfNeeded: word >> UInt64(shift))
            if byte != 0 { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `tchar` of RFC 9110, section 5.6.2: what a method consists of.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x5E...0x7A: true  // digits, capitals, ^ _ ` and lower case
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x7C, 0x7E: true  // ! # $ % & ' * + - . | ~
        default: false
        }
    }
}
