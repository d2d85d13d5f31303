// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

/// What every job that is put can be told.
struct JobOptions: ParsableArguments {
    @Option(help: "The tube to put into. (default: default)", transform: Tube.init(argument:))
    var tube = Tube.default

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How urgent: 0 goes first, 4294967295 last.", valueName: "number"))
    var priority: Priority = 1024

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How long until it is ready, in whole seconds.", valueName: "seconds"))
    var delay = WholeSeconds(0)

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How long a worker has for it before another gets it, in whole seconds, 1 or more.", valueName: "seconds"))
    var timeToRun = WholeSeconds(60)

    func validate() throws {
        guard timeToRun.duration > .zero else { throw ValidationError("--time-to-run takes 1 second or more.") }
    }

    var putOptions: PutOptions {
        PutOptions(priority: priority, delay: delay.duration, timeToRun: timeToRun.duration)
    }
}
