// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Documentation/tour.md, typed as it stands.
@Suite(.blocking, .timeLimit(.minutes(3)))
struct TourTests {
    @Test func everythingHappensAsThePageSays() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let page = try String(contentsOf: root.appendingPathComponent("Documentation/tour.md"), encoding: .utf8)
        let blocks = page.components(separatedBy: "\n```sh\n").dropFirst().map {
            $0.components(separatedBy: "\n```")[0]
        }
        #expect(blocks.count > 7)
        let folder = TemporaryFolder()
        // A shell that has jobs, as one at a terminal, and in which every failure is an end; kill and wait say how others ended.
        let script = blocks.joined(separator: "\n").replacingOccurrences(of: "\nwait $!", with: "\nwait $! || true")
            .replacingOccurrences(of: "\nwait\n", with: "\nwait || true\n")
        let outcome = try Program(
            shell: """
                cd '\(folder.path)'; export XDG_STATE_HOME='\(folder.path)/state'
                exec timeout -k 1 120 bash -c 'set -em
                \(script.replacingOccurrences(of: "'", with: "'\\''"))'
                """
        ).outcome()
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
}
