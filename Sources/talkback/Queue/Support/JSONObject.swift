// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A JSON object on one line, with its members in the order in which they are added.
struct JSONObject {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    /// The line, with its line feed.
    var line: [UInt8] { bytes + [UInt8(ascii: "}"), UInt8(ascii: "\n")] }

    mutating func add(_ name: String, number: some BinaryInteger) {
        begin(name)
        bytes.append(contentsOf: "\(number)".utf8)
    }

    mutating func add(_ name: String, text: String) {
        begin(name)
        append(string: text.utf8.span)
    }

    /// - Parameter literal: `true`, or a number.
    mutating func add(_ name: String, literal: String) {
        begin(name)
        bytes.append(contentsOf: literal.utf8)
    }

    /// Bytes under a name if they are text, and else under another in base64.
    mutating func add(_ name: String, orBase64 base64Name: String, _ bytes: [UInt8]) {
        if (try? UTF8Span(validating: bytes.span)) != nil {
            begin(name)
            append(string: bytes.span)
        } else {
            add(base64Name, text: Data(bytes).base64EncodedString())
        }
    }

    private mutating func begin(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        append(string: name.utf8.span)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(string: Span<UInt8>) {
        bytes.reserveCapacity(bytes.count + string.count + 2)
        bytes.append(UInt8(ascii: "\""))
        for index in string.indices { append(character: string[index]) }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(character: UInt8) {
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(character)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
        case 0..<0x20, 0x7F:
            let digits = String(character, radix: 16)
            bytes.append(contentsOf: "\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8)
        default: bytes.append(character)
        }
    }
}
