// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

/// How the bodies of jobs are printed.
struct BodyOptions: ParsableArguments {
    @Flag(help: "Print a NUL byte after each body instead of a line feed.")
    var null = false

    @Flag(help: "Print nothing but the body: no line feed after it.")
    var raw = false

    @Flag(
        help: """
            Print each job as a JSON object on a line: id, tube, state, priority, delay, time_to_run, what else it was \
            told and what has happened to it, and body, or base64 if the body is not UTF-8: see "talkback drain --help".
            """)
    var json = false

    func validate() throws {
        guard [null, raw, json].count(where: \.self) < 2 else {
            throw ValidationError("Of --null, --raw and --json only one can be given.")
        }
    }

    func text(of body: [UInt8]) -> [UInt8] {
        if raw { return body }
        return body + [null ? 0 : UInt8(ascii: "\n")]
    }
}
