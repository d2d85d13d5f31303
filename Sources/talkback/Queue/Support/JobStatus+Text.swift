// SPDX-License-Identifier: Apache-2.0

import Foundation
import TalkbackClient

extension JobStatus {
    /// One line for a person.
    var line: String {
        var parts = ["\(id)", state.rawValue]
        if state == .running { parts.append("\(percent) %") }
        if !data.isEmpty { parts.append(state == .done ? "\(data.count) bytes" : text.withoutControls) }
        let of = attempts.map { " of \($0)" } ?? ""
        return parts.joined(separator: "  ") + "  (attempt \(attempt)\(of), for \(duration.components.seconds) s)"
    }

    private struct Object: Encodable {
        var id: JobID
        var state: String
        var attempt: Int
        var seconds: Int64
        var percent: Int
        var text: String?
        var result: String?
        var base64: String?
        var reason: String?
    }

    /// On one line. A result that is not UTF-8 is in Base64, under another key; a text or a reason is so as well,
    /// beside what can be read of it.
    var json: String {
        get throws {
            var object = Object(
                id: id, state: state.rawValue, attempt: attempt, seconds: duration.components.seconds,
                percent: percent)
            switch state {
            case .running: object.text = text
            case .done:
                object.result = String(validating: data, as: UTF8.self)
                if object.result == nil { object.base64 = Data(data).base64EncodedString() }
            case .waiting, .delayed, .failed: object.reason = data.isEmpty ? nil : text
            case .cancelled: break
            }
            if state != .done { object.base64 = data.base64IfNotText }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(object), as: UTF8.self).withJSONEscapes
        }
    }
}

extension [UInt8] {
    /// In Base64 what is not UTF-8; `nil` for what is.
    var base64IfNotText: String? {
        String(validating: self, as: UTF8.self) == nil ? Data(self).base64EncodedString() : nil
    }
}

extension String {
    /// JSON in which what a terminal would act on is escaped, too, which JSON allows and does not ask for.
    var withJSONEscapes: String {
        guard unicodeScalars.contains(where: Self.isEscaped) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if Self.isEscaped(scalar) {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\u{7F}"..."\u{9F}", "\u{2028}"..."\u{202E}", "\u{2066}"..."\u{2069}": true
        default: false
        }
    }
}
