// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

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
            throw ValidationError(
                "A tube's name has 1 to 200 letters, digits and -+/;.$_(), and does not begin with -.")
        }
        self = tube
    }
}
