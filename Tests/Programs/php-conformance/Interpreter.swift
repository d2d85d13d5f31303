// SPDX-License-Identifier: Apache-2.0

import Foundation
import PHPSockets
import Synchronization

/// Runs the steps of a case file with PHPSockets and prints what each does, a line each, below the step.
final class Interpreter {
    let folder: String
    var variables: [String: Value] = [:]
    private static let warnings = Mutex<[String]>([])

    init(folder: String) {
        self.folder = folder
        PHPWarning.handler = { warning in
            Self.warnings.withLock { $0.append("\(warning.function)(): \(warning.message)") }
        }
    }

    func run(_ lines: [String]) throws {
        for line in lines {
            if line.hasPrefix("## ") {
                variables = [:]
                try socket_clear_error()
                print(line)
            }
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(">") { continue }
            if line.hasPrefix("php>") || line.hasPrefix("here>") { continue }
            print(line)
            // What PHP cannot do without harm to its own memory.
            let step = line.hasPrefix("here: ") ? String(line.dropFirst("here: ".count)) : line
            print("> " + (try outcome(of: step)))
        }
    }

    private func outcome(of line: String) throws -> String {
        let expression = try Parser.parse(line)
        let before = variables.mapValues { $0 }.map { ($0, $1.shown($0, folder)) }
        let old = Dictionary(uniqueKeysWithValues: before)
        Self.warnings.withLock { $0 = [] }
        var assigned = ""
        if case .assignment(let name, _) = expression { assigned = name }
        if case .call("port_of", _) = expression { assigned = "port" }
        var text: String
        var isFalse = false
        do {
            let result = try value(of: expression)
            text = result.shown(assigned, folder)
            if case .bool(false) = result { isFalse = true }
        } catch let error as PHPError {
            text = "\(error)"
        }
        for name in order where name != assigned {
            guard let shown = variables[name]?.shown(name, folder), shown != old[name] ?? "null" else { continue }
            text += "; $\(name) = \(shown)"
        }
        for warning in Self.warnings.withLock({ $0 }) { text += "; W: \(warning)" }
        if isFalse {
            text += "; g \(try socket_last_error())"
            if let socket = firstSocket(line), let code = try? socket_last_error(socket) { text += ", s \(code)" }
        }
        return text.replacingOccurrences(of: folder, with: "FOLDER")
    }

    /// The variables' names in the order in which they came to be.
    private var order: [String] = []

    func set(_ name: String, _ value: Value) {
        if !order.contains(name) || variables[name] == nil {
            order.removeAll { $0 == name }
            order.append(name)
        }
        variables[name] = value
    }

    private func firstSocket(_ line: String) -> PHPSocket? {
        guard let start = line.range(of: "($") else { return nil }
        let name = line[start.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        if case .socket(let socket)? = variables[String(name)] { return socket }
        return nil
    }

    // MARK: Expressions

    func value(of expression: Expression) throws -> Value {
        switch expression {
        case .literal(let value): return value
        case .variable(let name): return variables[name] ?? .null
        case .constant(let name): return .int(try constant(name))
        case .assignment(let name, let value):
            let value = try self.value(of: value)
            set(name, value)
            return value
        case .array(let elements):
            return .array(try elements.map { (try $0.key.map(value(of:)), try value(of: $0.value)) })
        case .element(let array, let key):
            let array = try value(of: array)
            switch try value(of: key) {
            case .int(let index) where index < array.elements.count: return array.elements[index].value
            case .string(let name): return array[name.description] ?? .null
            default: return .null
            }
        case .call(let name, let arguments):
            return try call(name, arguments)
        }
    }

    private func constant(_ name: String) throws -> Int {
        guard let value = constants[name] else { throw SyntaxError(line: name) }
        return value
    }
}
