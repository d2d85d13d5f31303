// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// The options that keep one client from hurting the others; every server has them.
public struct Limits: ParsableArguments, Sendable {
    @Option(help: "Seconds for a request to arrive, and again for the reply to be taken; 0 waits for ever.")
    var timeout = 30.0

    @Option(help: "Milliseconds of silence after a line feed that end a request.")
    var pause = 200

    @Option(help: "Connections served at the same time; more wait their turn.")
    var live = 1000

    /// The defaults.
    public init() {}

    /// Checks the options' ranges.
    public func validate() throws {
        guard timeout >= 0, timeout <= 1e9 else { throw ValidationError("--timeout takes 0 or more seconds.") }
        guard (0...1_000_000_000).contains(pause) else {
            throw ValidationError("--pause takes 0 or more milliseconds.")
        }
        guard (1...10_000).contains(live) else { throw ValidationError("--live takes 1 to 10000 connections.") }
    }

    /// How long a request may take to arrive, and a reply to be taken; `nil` is for ever.
    var deadline: Duration? { timeout == 0 ? nil : .seconds(timeout) }
}
