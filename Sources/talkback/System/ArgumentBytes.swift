// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

/// A command some of whose arguments are bytes in whatever encoding.
protocol ByteArgumentsCommand: ParsableCommand {
    /// Those arguments, as parsed.
    var byteArguments: [String] { get }
}

/// The program's arguments as bytes: in Swift's own list of them, what is not UTF-8 is replaced.
enum ArgumentBytes {
    private static let given: [[UInt8]] = (0..<Int(CommandLine.argc)).compactMap { index in
        // SAFETY: there are as many pointers, each to a text that ends with a zero and is never changed.
        guard let text = unsafe CommandLine.unsafeArgv[index] else { return nil }
        return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    /// Arguments as they were given.
    ///
    /// - Parameter texts: What the parser has made of them, in order.
    static func bytes(of texts: [String]) -> [[UInt8]] {
        var rest = given[...]
        return texts.map { text in
            guard let index = rest.firstIndex(where: { decoded($0) == Array(text.utf8) }) else {
                return Array(text.utf8)
            }
            defer { rest = rest[(index + 1)...] }
            return rest[index]
        }
    }

    /// Looks at the arguments that a command takes as text.
    ///
    /// - Throws: `ValidationError` if one is not UTF-8: changed, it would name another file, or another command.
    static func checkOthers(than command: any ParsableCommand) throws {
        var others = given.filter { String(validating: $0, as: UTF8.self) == nil }
        for bytes in bytes(of: (command as? any ByteArgumentsCommand)?.byteArguments ?? []) {
            if let index = others.firstIndex(of: bytes) { others.remove(at: index) }
        }
        guard let other = others.first else { return }
        let text = String(decoding: other, as: UTF8.self).withoutControls
        throw ValidationError(
            "An argument is not UTF-8: \"\(text)\". Only bodies and what progress tells may be anything.")
    }

    private static func decoded(_ bytes: [UInt8]) -> [UInt8] { Array(String(decoding: bytes, as: UTF8.self).utf8) }
}
