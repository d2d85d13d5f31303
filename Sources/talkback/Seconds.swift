// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// A time in an argument: more than zero, in seconds.
struct Seconds: ExpressibleByArgument, CustomStringConvertible {
    private let seconds: Double

    init(_ seconds: Int) {
        self.seconds = Double(seconds)
    }

    init?(argument: String) {
        // A century, so that no clock overflows.
        guard let seconds = Double(argument), seconds > 0, seconds <= 100 * 365 * 86_400 else { return nil }
        self.seconds = seconds
    }

    /// Says what is wrong with a time that cannot be.
    init(checking argument: String) throws {
        guard let seconds = Seconds(argument: argument) else {
            throw ValidationError("It takes a number of seconds above 0, such as 0.5 or 30.")
        }
        self = seconds
    }

    var duration: Duration { .seconds(seconds) }

    var description: String { seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)" }
}
