// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

/// What errors say of names that cannot be.
enum NameRule {
    static let tube = "A tube's name has \(characters)."
    static let key = """
        A key has \(characters). The hash of anything will do: --key "$(printf %s "$file" | sha256sum | cut -c 1-64)".
        """

    private static let characters = "1 to 200 letters, digits and -+/;.$_(), and does not begin with -"
}

/// Whole seconds in an argument, as many as the protocol can say.
struct WholeSeconds: ExpressibleByArgument, CustomStringConvertible {
    private let seconds: UInt32

    init(_ seconds: UInt32) {
        self.seconds = seconds
    }

    init?(argument: String) {
        guard let seconds = UInt32(argument) else { return nil }
        self.seconds = seconds
    }

    var duration: Duration { .seconds(Int64(seconds)) }

    var description: String { "\(seconds)" }
}

extension Tube {
    /// A tube in an argument.
    init(argument: String) throws {
        guard let tube = Tube(argument) else {
            throw ValidationError(NameRule.tube)
        }
        self = tube
    }
}
