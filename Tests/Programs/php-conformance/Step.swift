// SPDX-License-Identifier: Apache-2.0

import PHPSockets

/// One line of a case: what PHP would call an expression.
indirect enum Expression {
    case literal(Value)
    case variable(String)
    case constant(String)
    case element(Expression, Expression)
    case array([(key: Expression?, value: Expression)])
    case call(String, [Expression])
    case assignment(String, Expression)
}

struct SyntaxError: Error {
    let line: String
}

/// Reads the part of PHP that the cases are written in.
struct Parser {
    private let line: String
    private var rest: Substring

    static func parse(_ line: String) throws -> Expression {
        var parser = Parser(line: line, rest: line[...])
        let expression = try parser.expression()
        guard parser.rest.isEmpty else { throw SyntaxError(line: line) }
        return expression
    }

    private mutating func skip(_ text: String) -> Bool {
        rest = rest.drop { $0 == " " }
        guard rest.hasPrefix(text) else { return false }
        rest.removeFirst(text.count)
        rest = rest.drop { $0 == " " }
        return true
    }

    private mutating func word() -> String {
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        rest.removeFirst(word.count)
        return String(word)
    }

    private mutating func expression() throws -> Expression {
        var result = try primary()
        while rest.hasPrefix("[") {
            rest.removeFirst()
            result = .element(result, try expression())
            guard skip("]") else { throw SyntaxError(line: line) }
        }
        rest = rest.drop { $0 == " " }
        if case .variable(let name) = result, rest.hasPrefix("= ") {
            rest.removeFirst(2)
            return .assignment(name, try expression())
        }
        return result
    }

    private mutating func primary() throws -> Expression {
        rest = rest.drop { $0 == " " }
        guard let first = rest.first else { throw SyntaxError(line: line) }
        switch first {
        case "$":
            rest.removeFirst()
            return .variable(word())
        case "\"":
            rest.removeFirst()
            return .literal(.string(try string()))
        case "[":
            rest.removeFirst()
            return .array(try elements())
        case "-", "0"..."9":
            let digits = rest.prefix { $0 == "-" || $0.isNumber }
            rest.removeFirst(digits.count)
            guard let number = Int(digits) else { throw SyntaxError(line: line) }
            return .literal(.int(number))
        default:
            let name = word()
            if skip("(") { return .call(name, try arguments()) }
            return switch name {
            case "null": .literal(.null)
            case "true": .literal(.bool(true))
            case "false": .literal(.bool(false))
            case "": throw SyntaxError(line: line)
            default: .constant(name)
            }
        }
    }

    private mutating func string() throws -> PHPString {
        var bytes: [UInt8] = []
        while let character = rest.popFirst(), character != "\"" {
            guard character == "\\" else {
                bytes += Array(String(character).utf8)
                continue
            }
            switch rest.popFirst() {
            case "n": bytes.append(0x0A)
            case "r": bytes.append(0x0D)
            case "0": bytes.append(0)
            case let other?: bytes += Array(String(other).utf8)
            case nil: throw SyntaxError(line: line)
            }
        }
        return PHPString(bytes)
    }

    private mutating func arguments() throws -> [Expression] {
        var arguments: [Expression] = []
        while !skip(")") {
            arguments.append(try expression())
            if !skip(","), !rest.hasPrefix(")") { throw SyntaxError(line: line) }
        }
        return arguments
    }

    private mutating func elements() throws -> [(key: Expression?, value: Expression)] {
        var elements: [(key: Expression?, value: Expression)] = []
        while !skip("]") {
            let first = try expression()
            if skip("=>") {
                elements.append((first, try expression()))
            } else {
                elements.append((nil, first))
            }
            if !skip(","), !rest.hasPrefix("]") { throw SyntaxError(line: line) }
        }
        return elements
    }
}
