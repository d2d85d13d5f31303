// SPDX-License-Identifier: Apache-2.0
// The cases of Tests/Conformance with PHPSockets: php-conformance CASES FOLDER

import Foundation

guard CommandLine.arguments.count == 3 else {
    FileHandle.standardError.write(Data("usage: php-conformance CASES FOLDER\n".utf8))
    exit(64)
}
let lines = try String(contentsOfFile: CommandLine.arguments[1], encoding: .utf8).components(separatedBy: "\n")
try Interpreter(folder: CommandLine.arguments[2]).run(lines)
