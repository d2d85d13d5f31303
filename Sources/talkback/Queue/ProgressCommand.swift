// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import SystemPackage

struct ProgressCommand: ParsableCommand, ByteArgumentsCommand {
    static let configuration = CommandConfiguration(
        commandName: "progress",
        abstract: "Tells how far a job is, from the command that \"talkback work\" runs for it.",
        discussion: """
            Writes a line to the descriptor that TALKBACK_PROGRESS_FD names, which any program can do itself. Without \
            the variable, where no worker runs the command, the line goes to standard error.

            EXAMPLES:
              talkback progress 42 "size 3 of 7"
              echo "42% size 3 of 7" >&$TALKBACK_PROGRESS_FD
                  The same, without a process.
            """)

    @Argument(help: "0 to 100.")
    var percent: Int

    @Argument(help: "What else there is to say.")
    var text: [String] = []

    var byteArguments: [String] { text }

    func validate() throws {
        guard (0...100).contains(percent) else { throw ValidationError("<percent> is 0 to 100.") }
    }

    func run() throws {
        let line = ProgressLine(percent: percent, text: ArgumentBytes.bytes(of: text).joined(separator: [0x20])).line
        guard let name = ProcessInfo.processInfo.environment[ProgressLine.variable] else {
            return StandardStreams.complain(String(decoding: line.dropLast(), as: UTF8.self))
        }
        guard let number = Int32(name), number >= 0 else {
            throw CleanError("\(ProgressLine.variable) is no descriptor's number: \"\(name)\"")
        }
        do {
            Output.reportBrokenPipes()
            // In one call, so that the lines of several processes are not mixed.
            try FileDescriptor(rawValue: number).writeAll(line)
        } catch {
            throw CleanError("write to descriptor \(number), which \(ProgressLine.variable) names: \(error)")
        }
    }
}
