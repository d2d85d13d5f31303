// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

/// The name of a queue of jobs: 1 to 200 letters, digits and `-+/;.$_()`, the first not a `-`.
///
/// ```swift
/// try await client.put("holiday.jpg", into: "resize")
/// ```
public struct Tube: Hashable, Sendable {
    let name: TubeName

    /// The tube that is meant where no other is named.
    public static let `default` = Tube(.default)

    /// A tube; `nil` if no tube can have that name.
    public init?(_ name: some StringProtocol) {
        guard let name = TubeName(name) else { return nil }
        self.name = name
    }

    init(_ name: TubeName) {
        self.name = name
    }
}

extension Tube: ExpressibleByStringLiteral {
    /// A tube whose name is in the program's text. A name that no tube can have stops the program; names that come from
    /// elsewhere go through ``init(_:)``.
    public init(stringLiteral name: StaticString) {
        guard let tube = Tube(String(describing: name)) else { preconditionFailure("no tube can be named \(name)") }
        self = tube
    }
}

extension Tube: CustomStringConvertible {
    /// The name.
    public var description: String { name.description }
}

extension Tube: Comparable {
    /// In the order of their names.
    public static func < (first: Tube, second: Tube) -> Bool { first.description < second.description }
}
