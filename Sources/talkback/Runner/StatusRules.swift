// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

/// Exit statuses in an argument: `65` or `65,66`; `none`.
struct StatusesArgument: ExpressibleByArgument, CustomStringConvertible {
    let statuses: Set<Int32>
    let description: String

    init?(argument: String) {
        description = argument
        guard argument != "none" else {
            statuses = []
            return
        }
        let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int32($0) }
        var statuses: Set<Int32> = []
        for number in numbers {
            // 0 is success, whatever else it is called.
            guard let number, (1...255).contains(number) else { return nil }
            statuses.insert(number)
        }
        self.statuses = statuses
    }
}

/// Which exit statuses of a command have a meaning of their own.
struct StatusRules: Sendable {
    private let bury: Set<Int32>
    private let retry: Set<Int32>

    /// EX_DATAERR and EX_TEMPFAIL of sysexits.h, unless something else is said.
    private static let usual: (bury: Set<Int32>, retry: Set<Int32>) = ([65], [75])

    /// A status that is named for the one is no default of the other.
    ///
    /// - Throws: `ValidationError` if one is named for both.
    init(bury: StatusesArgument?, retry: StatusesArgument?) throws {
        if let both = bury?.statuses.intersection(retry?.statuses ?? []).min() {
            throw ValidationError("--bury-status and --retry-status both name \(both).")
        }
        self.bury = bury?.statuses ?? Self.usual.bury.subtracting(retry?.statuses ?? [])
        self.retry = retry?.statuses ?? Self.usual.retry.subtracting(bury?.statuses ?? [])
    }

    /// What it means that a command has ended with a status, or by a signal, which is negative.
    func kind(of status: Int32) -> JobFailureKind {
        bury.contains(status) ? .permanent : retry.contains(status) ? .temporary : .ordinary
    }
}
