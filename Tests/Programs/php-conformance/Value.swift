// SPDX-License-Identifier: Apache-2.0

import Foundation
import PHPSockets

/// A value of the cases' language.
indirect enum Value {
    case null
    case bool(Bool)
    case int(Int)
    case string(PHPString)
    case socket(PHPSocket)
    case iovec(SocketIOVec)
    case stream(PHPStream)
    case array([(key: Value?, value: Value)])

    init(_ value: Int?) { self = value.map(Value.int) ?? .bool(false) }
    init(_ value: PHPSocket?) { self = value.map(Value.socket) ?? .bool(false) }
    init(_ value: PHPString?) { self = value.map(Value.string) ?? .bool(false) }

    static func list(_ values: [Value]) -> Value { .array(values.map { (nil, $0) }) }
    static func map(_ values: KeyValuePairs<String, Value>) -> Value {
        .array(values.map { (.string(PHPString($0.key)), $0.value) })
    }

    var int: Int {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: 0
        }
    }

    var optionalInt: Int? { if case .null = self { nil } else { int } }

    var string: PHPString {
        switch self {
        case .string(let value): value
        case .int(let value): PHPString("\(value)")
        default: ""
        }
    }

    var elements: [(key: Value?, value: Value)] { if case .array(let elements) = self { elements } else { [] } }

    subscript(key: String) -> Value? {
        elements.first { element in
            if case .string(let name)? = element.key { name == PHPString(key) } else { false }
        }?.value
    }

    /// The value as a transcript has it.
    func shown(_ name: String, _ folder: String) -> String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .int(let value):
            if name == "port" || name == "p", value >= 1024 { return "PORT" }
            if name == "pid", value == Int(getpid()) { return "PID" }
            return name == "uid" || name == "gid" ? "ID" : "\(value)"
        case .string(let value): return quoted(value.description.replacingOccurrences(of: folder, with: "FOLDER"))
        case .socket: return "Socket"
        case .iovec: return "iovec"
        case .stream: return "stream"
        case .array(let elements):
            return "["
                + elements.enumerated().map { index, element in
                    guard let key = element.key else { return element.value.shown("\(index)", folder) }
                    let text = if case .int(let number) = key { "\(number)" } else { key.string.description }
                    return "\(text): \(element.value.shown(text, folder))"
                }.joined(separator: ", ") + "]"
        }
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{FFFD}": result += "\\ufffd"
            case "\0"..."\u{1F}", "\u{7F}": result += String(format: "\\u%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
