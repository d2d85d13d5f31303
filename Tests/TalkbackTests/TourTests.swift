// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Documentation/tour.md, typed as it stands, block by block.
@Suite(.blocking, .timeLimit(.minutes(3)))
struct TourTests {
    private static let page: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        return (try? String(contentsOf: root.appendingPathComponent("Documentation/tour.md"), encoding: .utf8)) ?? ""
    }()

    /// The blocks of commands, but for the first: it builds the program, which the tests have.
    private static func blocks() throws -> [String] {
        let blocks = page.components(separatedBy: "\n```sh\n").dropFirst().map {
            $0.components(separatedBy: "\n```")[0]
        }
        #expect(blocks.count > 10)
        let build = try #require(blocks.first)
        #expect(
            build == """
                swift build --configuration release --product talkback
                export PATH="$(swift build --configuration release --show-bin-path):$PATH"
                """)
        return Array(blocks.dropFirst())
    }

    /// Runs the blocks in one shell, which says where each begins.
    private static func run(_ blocks: [String], _ options: String) throws -> Program.Outcome {
        let folder = TemporaryFolder()
        let script = blocks.enumerated().map { "echo \"== block \($0 + 2)\" >&2\n\($1)" }.joined(separator: "\n")
        return try Program(
            shell: """
                cd '\(folder.path)'; export TMPDIR='\(folder.path)' XDG_STATE_HOME='\(folder.path)/state'
                exec timeout -k 1 120 bash -c '\(options)
                \(script.replacingOccurrences(of: "'", with: "'\\''"))'
                """
        ).outcome()
    }

    @Test func everythingHappensAsThePageSays() throws {
        // A shell that has jobs, as one at a terminal, and in which every failure is an end.
        let outcome = try Self.run(try Self.blocks(), "set -em")
        #expect(outcome.status == 0, "\(outcome)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        for line in [
            "1", "5", "mail         2         0        1       0        0       -", "no more: status 2",
            "to ann@example.org", "5", "2", "50 %: counting",
            "drained 1: 1 delayed", "loaded 1", "HELLO",
        ] { #expect(lines.contains(line) || outcome.errors.contains(line), "\(line): \(outcome)") }
        #expect(lines.filter { $0 == "beach.jpg" }.count == 2)
        #expect(lines.filter { $0 == "to bob@example.org" }.count == 2)
        #expect(outcome.output.contains("4  mail  2 attempts  exit status 1"))
        #expect(outcome.output.contains("\n8  cancelled  (attempt 0, for "))
    }

    /// Whatever is missing or goes wrong, no block waits for ever.
    @Test(arguments: [
        // There is no such program.
        "talkback() { return 127; }; export -f talkback",
        // The daemon does not start; the workers do not either.
        "talkback() { case $1 in serve | work | listen) return 1 ;; *) command talkback \"$@\" ;; esac; }",
    ])
    func nothingHangs(start: String) throws {
        let blocks = try Self.blocks().map { $0.replacingOccurrences(of: "timeout 10", with: "timeout 1") }
        let outcome = try Self.run([start] + blocks, "set -m")
        #expect(outcome.errors.contains("== block \(blocks.count + 2)"), "\(outcome)")
        #expect(outcome.status != 124 && outcome.status != 137, "\(outcome)")
    }

    /// A wait has an end in every block, also for a reader who types only one of them.
    @Test func everyWaitHasALimit() throws {
        for block in try Self.blocks() {
            for line in block.split(separator: "\n") {
                #expect(!line.contains("until ") || line.hasPrefix("timeout "), "\(line)")
                for command in ["talkback take", "--wait", "--follow"] where line.contains(command) {
                    #expect(line.contains("--timeout "), "\(line)")
                }
                #expect(!line.contains("wait") || line.contains("wait $") || line.contains("--wait"), "\(line)")
            }
        }
    }
}
