// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient
import TalkbackRunner

/// The value of `serve --run`: `TUBE[:N]=COMMAND ARG…`.
struct RunArgument: CustomStringConvertible {
    let tube: Tube
    let concurrency: Int
    let words: [String]
    let description: String

    init(_ argument: String) throws {
        guard let equals = argument.firstIndex(of: "=") else {
            throw ValidationError("There is no =, behind which the command is: 'resize:4=php tasks/resize.php'.")
        }
        // A tube's name has neither a colon nor an equals sign.
        let place = argument[..<equals].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let tube = Tube(place[0]) else { throw ValidationError(NameRule.tube) }
        let concurrency = place.count == 1 ? 1 : Int(place[1])
        guard let concurrency, (1...10_000).contains(concurrency) else {
            throw ValidationError("Behind the tube and a colon comes how many run at a time, 1 to 10000.")
        }
        do throws(CommandError) {
            words = try Command.words(of: String(argument[argument.index(after: equals)...]))
        } catch {
            throw ValidationError("\(error).")
        }
        guard !words.isEmpty else { throw ValidationError("There is no command behind the =.") }
        self.tube = tube
        self.concurrency = concurrency
        description = argument
    }
}
