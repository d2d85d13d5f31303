// SPDX-License-Identifier: Apache-2.0

public import Testing

/// A public call with a number or a duration, to be made with each value at the limits of its type: a row in a table of
/// Tests/<Module>Tests/Limits, which Scripts/limits compares with what is public.
///
/// ```swift
/// .call("Socket.receive(upTo:flags:retryOnInterrupt:)", "limit") { (limit: Int) in … }
/// ```
public struct LimitedCall: Sendable, CustomTestStringConvertible {
    private let path: String
    private let parameter: String
    private let run: @Sendable () async -> [(value: String, error: any Error)]

    /// The call and its parameter.
    public var testDescription: String { "\(path) \(parameter)" }

    private init<Value: Sendable>(
        _ path: String, _ parameter: String, _ values: [Value], _ body: @escaping @Sendable (Value) async throws -> Void
    ) {
        self.path = path
        self.parameter = parameter
        run = {
            var errors: [(String, any Error)] = []
            for value in values {
                do { try await body(value) } catch { errors.append(("\(value)", error)) }
            }
            return errors
        }
    }

    /// A call with an integer: 0, 1, -1, the largest and the smallest.
    public static func call<Number: FixedWidthInteger & Sendable>(
        _ path: String, _ parameter: String, _ body: @escaping @Sendable (Number) async throws -> Void
    ) -> LimitedCall {
        let minusOne = Number(exactly: -1).map { [$0] } ?? []
        return LimitedCall(path, parameter, [0, 1] + minusOne + [.max, .min], body)
    }

    /// A call with a duration: none, the shortest, less than none, the longest and the least.
    public static func call(
        _ path: String, _ parameter: String, _ body: @escaping @Sendable (Duration) async throws -> Void
    ) -> LimitedCall {
        let values: [Duration] = [
            .zero, .nanoseconds(1), .nanoseconds(-1), .seconds(Int64.max), Duration(attoseconds: .max),
            Duration(attoseconds: .min),
        ]
        return LimitedCall(path, parameter, values, body)
    }

    /// Makes the call with every value. It may throw errors of this type and no others; a trap ends the process.
    public func run<Failure: Error>(throwing: Failure.Type) async {
        for (value, error) in await run() where !(error is Failure) {
            Issue.record("\(testDescription) of \(value): \(error)")
        }
    }
}
