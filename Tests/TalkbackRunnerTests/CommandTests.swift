// SPDX-License-Identifier: Apache-2.0

import TalkbackRunner
import TestSupport
import Testing

struct CommandTests {
    @Test(arguments: [
        ("php tasks/resize.php", ["php", "tasks/resize.php"]),
        ("  a \t b\n c ", ["a", "b", "c"]),
        ("", []),
        ("sh -c 'echo $HOME | wc'", ["sh", "-c", "echo $HOME | wc"]),
        (#"a "b c" d"#, ["a", "b c", "d"]),
        (#"a"b"'c'd"#, ["abcd"]),
        (#"'' "" x"#, ["", "", "x"]),
        (#"a\ b \"c\" \\"#, ["a b", "\"c\"", "\\"]),
        (#""a\"b\\c\$d\e""#, [#"a"b\c$d\e"#]),
        (#"'a\b'"#, [#"a\b"#]),
        ("größe '日本 語'", ["größe", "日本 語"]),
    ])
    func lineIsSplitIntoWords(line: String, words: [String]) throws {
        #expect(try Command.words(of: line) == words)
    }

    @Test(arguments: ["a 'b", "a \"b", "a \"b\\\"", "a\\"])
    func whatDoesNotEndIsAnError(line: String) {
        #expect(throws: CommandError.self) { try Command.words(of: line) }
    }

    @Test func programsAreFound() throws {
        let command = try Command(finding: ["sh", "-c", "exit"])
        #expect(command.path.hasSuffix("/sh"))
        #expect(command.arguments == ["sh", "-c", "exit"])
        #expect(try Command(finding: [command.path]).path == command.path)
    }

    @Test func relativeNamesBeginInTheFolder() throws {
        let command = try Command(finding: ["./sh", "x"], in: "/bin")
        #expect(command == Command(path: "./sh", arguments: ["./sh", "x"], directory: "/bin"))
        let error = #expect(throws: CommandError.self) { try Command(finding: ["./no-such"], in: "/bin") }
        #expect(error?.description == "start ./no-such: there is no such file")
        let folder = #expect(throws: CommandError.self) { try Command(finding: ["sh"], in: "/no/such") }
        #expect(folder?.description == "start in /no/such: there is no such folder")
    }

    @Test(arguments: [
        ([], "start a command: none was named"),
        (["no-such-program-here"], "start no-such-program-here: there is no such program in PATH"),
        (["/no/such"], "start /no/such: there is no such file"),
        (["/etc/passwd"], "start /etc/passwd: it is not a program that may be run"),
        (["/tmp"], "start /tmp: there is no such file"),
    ])
    func absentProgramIsAnError(words: [String], message: String) {
        let error = #expect(throws: CommandError.self) { try Command(finding: words) }
        #expect(error?.description == message)
    }
}
