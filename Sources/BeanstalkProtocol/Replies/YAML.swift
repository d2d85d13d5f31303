// SPDX-License-Identifier: Apache-2.0

/// The text of a reply that has many fields, or a list: the little of YAML that the protocol uses.
public struct YAML: Sendable {
    /// The text.
    public private(set) var bytes: [UInt8] = Array("---\n".utf8)

    /// A text without fields.
    public init() {}

    /// Adds a number under a key.
    public mutating func add(_ key: StaticString, _ number: some BinaryInteger) {
        add(key, unquoted: "\(number)")
    }

    /// Adds text under a key, in quotes.
    public mutating func add(_ key: StaticString, quoted text: String) {
        add(key, unquoted: "\"\(text)\"")
    }

    /// Adds a word under a key as it is.
    public mutating func add(_ key: StaticString, unquoted text: String) {
        bytes += "\(key): \(text)\n".utf8
    }

    /// Adds an element to the list.
    public mutating func add(element: [UInt8]) {
        bytes += "- ".utf8
        bytes += element
        bytes.append(UInt8(ascii: "\n"))
    }
}
