// SPDX-License-Identifier: Apache-2.0

import Testing

/// A public function with a number or a duration among its parameters, called with all the values at which arithmetic
/// may fail.
///
/// `Scripts/limits` compares the rows of the table with the symbol graph, by the text of their first line.
struct LimitCall: Sendable, CustomTestStringConvertible {
    let function: String
    let parameter: String
    let body: @Sendable (Extreme) async throws -> Void

    static func call(
        _ function: String, _ parameter: String, _ body: @escaping @Sendable (Extreme) async throws -> Void
    ) -> LimitCall {
        LimitCall(function: function, parameter: parameter, body: body)
    }

    var testDescription: String { "\(function), \(parameter)" }
}

/// One of the values at which arithmetic may fail, as each type has it.
enum Extreme: CaseIterable {
    case zero, one, minusOne, most, least

    var int: Int {
        switch self {
        case .zero: 0
        case .one: 1
        case .minusOne: -1
        case .most: .max
        case .least: .min
        }
    }

    /// What is below zero is the largest for a type without a sign.
    var port: UInt16 { UInt16(truncatingIfNeeded: int) }

    var duration: Duration {
        switch self {
        case .zero: .zero
        case .one: .nanoseconds(1)
        case .minusOne: .nanoseconds(-1)
        // No duration is longer, or shorter.
        case .most: Duration(attoseconds: .max)
        case .least: Duration(attoseconds: .min)
        }
    }
}
