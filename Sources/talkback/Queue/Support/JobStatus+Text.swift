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

    /// On one line. A result that is not UTF-8 is in Base64, under another key.
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
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(object), as: UTF8.self)
        }
    }
}
