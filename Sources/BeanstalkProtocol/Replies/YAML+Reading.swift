// SPDX-License-Identifier: Apache-2.0

extension YAML {
    /// The fields of a text that has a value for each of its keys, in their order, without the quotes around values;
    /// `nil` if it is not such a text.
    public static func fields(of text: [UInt8]) -> [(key: String, value: String)]? {
        guard let lines = lines(of: text) else { return nil }
        var fields: [(key: String, value: String)] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            var value = line[line.index(after: colon)...]
            while value.first == " " { value.removeFirst() }
            if value.count > 1, value.first == "\"", value.last == "\"" { value = value.dropFirst().dropLast() }
            fields.append((String(line[..<colon]), String(value)))
        }
        return fields
    }

    /// The elements of a text that is a list; `nil` if it is none.
    public static func list(of text: [UInt8]) -> [String]? {
        guard let lines = lines(of: text) else { return nil }
        var elements: [String] = []
        for line in lines {
            guard line.hasPrefix("- ") else { return nil }
            elements.append(String(line.dropFirst(2)))
        }
        return elements
    }

    private static func lines(of text: [UInt8]) -> ArraySlice<Substring>? {
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        guard lines.first == "---" else { return nil }
        return lines.dropFirst()
    }
}
