// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient
import TalkbackRunner

/// The value of `serve --run`: `TUBE[:N]=COMMAND ARG…`.
struct RunArgument: ExpressibleByArgument, CustomStringConvertible {
    let tube: Tube
    let concurrency: Int
    let words: [String]
    let description: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="),
            let words = try? Command.words(of: String(argument[argument.index(after: equals)...])), !words.isEmpty
        else { return nil }
        // A tube's name has neither a colon nor an equals sign.
        let place = argument[..<equals].split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(place.count), let tube = Tube(place[0]) else { return nil }
        let concurrency = place.count == 1 ? 1 : Int(place[1])
        guard let concurrency, (1...10_000).contains(concurrency) else { return nil }
        self.tube = tube
        self.concurrency = concurrency
        self.words = words
        description = argument
    }
}
