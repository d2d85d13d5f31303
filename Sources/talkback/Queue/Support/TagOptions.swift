// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

/// What a job can be told that only a Talkback server understands.
struct TagOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            Makes it the only job with this key in its tube: while there is one, another is not put, and the number of \
            the first is printed. With :SECONDS that is so for as long after its end too.
            """,
            valueName: "key[:seconds]"),
        transform: KeyArgument.init(_:))
    var key: KeyArgument?

    @Option(help: ArgumentHelp("How often a worker may get the job before it is buried.", valueName: "number"))
    var attempts: UInt32?

    @Option(
        help: ArgumentHelp(
            "Seconds between attempts; with :LONGEST each is twice as long as the one before it, up to that.",
            valueName: "first[:longest]"))
    var backoff: AttemptBackoffArgument?

    @Flag(
        help: "The job is its worker's for as long as that is connected, whatever the time to run.")
    var leaseOfConnection = false

    func validate() throws {
        guard attempts != 0 else { throw ValidationError("--attempts takes 1 or more.") }
    }

    func apply(to options: inout PutOptions) {
        options.uniqueness = key?.uniqueness
        options.attempts = attempts.map { Int($0) }
        options.backoff = backoff?.backoff
        if leaseOfConnection { options.lease = .connection }
    }
}

/// The value of `--key`.
struct KeyArgument {
    let uniqueness: Uniqueness

    init(_ argument: String) throws {
        // No key has a colon in it.
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let uniqueness = Uniqueness(key: parts[0]) else { throw ValidationError(NameRule.key) }
        guard parts.count == 2 else {
            self.uniqueness = uniqueness
            return
        }
        guard let seconds = WholeSeconds(argument: String(parts[1])),
            let remembered = Uniqueness(key: parts[0], rememberedFor: seconds.duration)
        else {
            throw ValidationError("Behind a key and a colon comes a whole number of seconds.")
        }
        self.uniqueness = remembered
    }
}

/// The value of `--backoff` for a job.
struct AttemptBackoffArgument: ExpressibleByArgument {
    let backoff: AttemptBackoff

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard (1...2).contains(parts.count), let first = parts[0], let longest = parts[parts.count - 1] else {
            return nil
        }
        backoff = AttemptBackoff(first: .seconds(Int64(first)), longest: .seconds(Int64(max(first, longest))))
    }
}
