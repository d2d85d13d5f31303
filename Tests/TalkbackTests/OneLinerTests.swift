// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TestSupport
import Testing

/// Documentation/one-liners.md, whose lines do what it says.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct OneLinerTests {
    /// Servers, a client, and what the client prints.
    struct Example: Sendable, CustomTestStringConvertible {
        var servers: [String]
        var client: String
        var output: String

        var testDescription: String { servers.joined(separator: "; ") }
    }

    private static let text: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let file = root.appendingPathComponent("Documentation/one-liners.md")
        return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }()

    /// Each block of text ends an example: the blocks of commands before it are its servers, and the last one its
    /// client.
    static let examples: [Example] = {
        var examples: [Example] = []
        var commands: [String] = []
        for block in text.components(separatedBy: "\n```sh\n").dropFirst() {
            let parts = block.components(separatedBy: "\n```text\n")
            commands.append(parts[0].components(separatedBy: "\n```")[0])
            guard parts.count == 2, let client = commands.popLast() else { continue }
            let output = parts[1].components(separatedBy: "```")[0]
            examples.append(Example(servers: commands, client: client, output: output))
            commands = []
        }
        return examples
    }()

    @Test func allAreFound() {
        #expect(Self.examples.count == 8)
        #expect(Self.examples.allSatisfy { !$0.servers.isEmpty })
    }

    @Test(arguments: examples)
    func clientPrintsWhatThePageSays(example: Example) throws {
        let folder = TemporaryFolder()
        var places: [(written: String, real: String)] = []
        func command(_ text: String) -> String {
            places.reduce("cd '\(folder.path)' && \(text)") { $0.replacingOccurrences(of: $1.written, with: $1.real) }
        }
        var servers: [Program] = []
        for server in example.servers {
            // A free port in place of that of the page.
            var free = server
            var written: String?
            if let own = server.firstMatch(of: #/(?:listen|--listen) (127\.0\.0\.1:[0-9]+)/#) {
                written = String(own.output.1)
                free = server.replacingOccurrences(of: own.output.1, with: "127.0.0.1:0")
            }
            let program = try Program(shell: command("exec \(free)"))
            let line = program.line()
            try #require(line.hasPrefix("listening on "))
            if let written { places.append((written, String(line.dropFirst("listening on ".count)))) }
            servers.append(program)
        }
        let outcome = try Program(shell: command(example.client)).outcome()
        #expect(outcome.status == 0)
        // A terminal does not show the carriage returns of a protocol.
        #expect(outcome.output.replacingOccurrences(of: "\r\n", with: "\n") == example.output)
        #expect(outcome.errors.isEmpty)
        for server in servers.reversed() { #expect(server.end().status == 0) }
    }
}
