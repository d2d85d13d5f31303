// SPDX-License-Identifier: Apache-2.0

import BeanstalkProtocol
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ForeignProtocolTests {
    typealias Verdict = ForeignProtocolDetector.Verdict

    /// Beginnings of connections, and what they are for the daemon.
    static let beginnings: [(String, Verdict)] = [
        // Methods that a page can send to another origin without asking it.
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:11300\r\n\r\n", .foreign(.request(method: "GET"))),
        ("POST /x HTTP/1.1\r\n\r\nput 0 0 60 1\r\nx\r\n", .foreign(.request(method: "POST"))),
        ("HEAD /put 0 0 60 1", .foreign(.request(method: "HEAD"))),
        // Those that it must ask for, with the one it asks with.
        ("OPTIONS / HTTP/1.1\r\n", .foreign(.request(method: "OPTIONS"))),
        ("PUT / HTTP/1.1\r\n", .foreign(.request(method: "PUT"))),
        ("DELETE 1\r\n", .foreign(.request(method: "DELETE"))),
        ("PROPFINDS / HTTP/1.1\r\n", .foreign(.request(method: "PROPFIND"))),
        // To its own origin, which DNS can make this machine, it sends any token as it is.
        ("patch / HTTP/1.1\r\n", .foreign(.request(method: "patch"))),
        ("Post / HTTP/1.1\r\n", .foreign(.request(method: "Post"))),
        ("use / HTTP/1.1\r\n", .foreign(.request(method: "use"))),
        ("put / HTTP/1.1\r\n", .foreign(.request(method: "put"))),
        ("A / HTTP/1.1\r\n", .foreign(.request(method: "A"))),
        ("AB / HTTP/1.1\r\n", .foreign(.request(method: "AB"))),
        ("M-SEARCH * HTTP/1.1\r\n", .foreign(.request(method: "M-SEARCH"))),
        ("v2 / HTTP/1.1\r\n", .foreign(.request(method: "v2"))),
        ("!#$%&'*+-.^_`|~ / HTTP/1.1\r\n", .foreign(.request(method: "!#$%&'*+"))),
        ("\(String(repeating: "x", count: 300)) / HTTP/1.1\r\n", .foreign(.request(method: "xxxxxxxx"))),
        ("x /\(String(repeating: "y", count: 1000)) HTTP/1.1\r\n", .foreign(.request(method: "x"))),
        ("x  /  HTTP/9", .foreign(.request(method: "x"))),
        // Other versions and protocols.
        ("GET /\r\n", .foreign(.request(method: "GET"))),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .foreign(.request(method: "PRI"))),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", .foreign(.request(method: "PROXY"))),
        ("\r\n\r\n\0\r\nQUIT\n", .foreign(.binary(firstByte: 0))),
        ("\u{16}\u{03}\u{01}\r\nput 0 0 60 1\r\nx\r\n", .foreign(.tls)),
        ("\u{00}\u{03}\u{00}\u{08}", .foreign(.binary(firstByte: 0))),
        ("\t", .foreign(.binary(firstByte: 9))), ("\u{1F}", .foreign(.binary(firstByte: 0x1F))),
        ("\u{7F}", .foreign(.binary(firstByte: 0x7F))), ("é", .foreign(.binary(firstByte: 0xC3))),
        // Empty lines before it, as servers may have to allow.
        ("\r\nPOST / HTTP/1.1\r\n", .foreign(.request(method: "POST"))),
        ("\n\n\r\nx / HTTP/1.1\r\n", .foreign(.request(method: "x"))),
        ("\r\n\u{16}", .foreign(.tls)),
        // What may be served.
        ("put 0 0 60 1\r\n", .text), ("put 0 0 60 1 keep:5\r\nPOST / HTTP/1.1", .text), ("stats\r\n", .text),
        ("reserve\r\nGET / HTTP/1.1\r\n", .text), ("use HTTP/1.1\r\n", .text), ("use  HTTP/1.1\r\n", .text),
        ("reserve-with-timeout 0\r\n", .text), ("state 0\r\n", .text), ("quit\r\n", .text),
        ("list-tubes-watched\r\n", .text), ("kick 5 HTTP\r\n", .text), ("a b c\r\n", .text), ("bogus\r\n", .text),
        (" GET / HTTP/1.1\r\n", .text), ("GET\r\n", .text), ("GE\r\n", .text), ("GE x\r\n", .text),
        ("RESERVE\r\n", .text), ("{}\r\n", .text), ("\r\nstats\r\n", .text), ("x y\n", .text), ("~\r", .text),
        // What does not say yet.
        ("", .undecided), ("\r\n\r\n", .undecided), ("GET", .undecided), ("stats", .undecided), ("put 0", .undecided),
        ("x / ", .undecided), ("x / HTTP", .undecided),
    ]

    private static func examine(_ pieces: [ArraySlice<UInt8>], _ policy: ForeignProtocolDetector.Policy) -> Verdict {
        var detector = ForeignProtocolDetector(policy)
        var parser = CommandParser(maximumJobSize: 100)
        for piece in pieces {
            let verdict = detector.examine(Array(piece).span)
            if verdict != .undecided { return verdict }
            // Nothing that could be executed has passed.
            let bytes = Array(piece)
            var position = 0
            while let input = parser.next(bytes.span, &position) { #expect(input == .error(.unknownCommand)) }
        }
        return .undecided
    }

    @Test(arguments: beginnings)
    func beginningIsToldHoweverItIsCut(text: String, expected: Verdict) {
        let bytes = Array(text.utf8)
        #expect(Self.examine([bytes[...]], .beanstalk) == expected)
        #expect(Self.examine(bytes.indices.map { bytes[$0...$0] }, .beanstalk) == expected)
        for cut in bytes.indices { #expect(Self.examine([bytes[..<cut], bytes[cut...]], .beanstalk) == expected) }
    }

    /// Where commands are not beanstalkd's, text in any language and most binary data may be the client's.
    @Test(
        arguments: [
            ("POST / HTTP/1.1\r\n", .foreign(.request(method: "POST"))),
            ("x / HTTP/1.1\r\n", .foreign(.request(method: "x"))),
            ("\u{16}\u{03}", .foreign(.tls)), ("\0\u{01}", .foreign(.binary(firstByte: 0))),
            ("你好 / HTTP/1.1\r\n", .text), ("\u{1F}\u{8B}", .text), ("\u{01}", .text), ("\u{7F}", .text),
            ("hello\n", .text),
        ] as [(String, Verdict)])
    func onlyBrowsersAreToldApart(text: String, expected: Verdict) {
        let bytes = Array(text.utf8)
        #expect(Self.examine(bytes.indices.map { bytes[$0...$0] }, .browsers) == expected)
    }

    /// Every first byte but those of text is refused.
    @Test func firstByteDecides() {
        for byte in UInt8.min...UInt8.max {
            let isText = byte == 0x0D || byte == 0x0A || (0x20...0x7E).contains(byte)
            var detector = ForeignProtocolDetector(.beanstalk)
            if case .foreign = detector.examine([byte].span) { #expect(!isText) } else { #expect(isText) }
        }
    }

    @Test(
        arguments: [
            (.request(method: "POST"), "an HTTP request (POST)"), (.tls, "a TLS handshake"),
            (.binary(firstByte: 0x0B), "binary data (first byte 0xB)"),
        ] as [(ForeignProtocol, String)])
    func descriptionSaysWhatCame(what: ForeignProtocol, text: String) {
        #expect("\(what)" == text)
    }
}
