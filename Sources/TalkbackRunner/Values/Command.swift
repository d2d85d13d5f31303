// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A program and its arguments.
public struct Command: Hashable, Sendable {
    /// Where the program is.
    public let path: String
    /// What it is called with: the name it was asked for by, then its arguments.
    public let arguments: [String]
    /// The folder that it starts in, which a relative ``path`` begins at. It is looked up at each start, so that one
    /// behind a symbolic link is the one that the link names then. `nil` for that of whoever starts it.
    public let directory: String?

    /// A program whose place is known.
    public init(path: String, arguments: [String], directory: String? = nil) {
        self.path = path
        self.arguments = arguments
        self.directory = directory
    }

    /// Finds a program as a shell does: a name without a slash in the folders of `PATH`.
    ///
    /// - Parameters:
    ///   - words: The name, then the arguments.
    ///   - directory: The folder that it is to start in, which relative names begin at.
    /// - Throws: ``CommandError`` if there is no such program, or no such folder.
    public init(finding words: [String], in directory: String? = nil) throws(CommandError) {
        if let directory, !Self.isFolder(directory) {
            throw CommandError("start in \(directory): there is no such folder")
        }
        guard let name = words.first, !name.isEmpty else { throw CommandError("start a command: none was named") }
        guard !name.contains("/") else {
            let place = Self.place(of: name, in: directory)
            guard Self.isFile(place) else { throw CommandError("start \(name): there is no such file") }
            guard Self.isProgram(place) else {
                throw CommandError("start \(name): it is not a program that may be run")
            }
            self.init(path: name, arguments: words, directory: directory)
            return
        }
        // SAFETY: the text is copied at once.
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        for folder in path.split(separator: ":", omittingEmptySubsequences: false) {
            let candidate = folder.isEmpty ? "./" + name : "\(folder)/\(name)"
            let place = Self.place(of: candidate, in: directory)
            if Self.isFile(place), Self.isProgram(place) {
                self.init(path: candidate, arguments: words, directory: directory)
                return
            }
        }
        throw CommandError("start \(name): there is no such program in PATH")
    }

    private static func place(of path: String, in directory: String?) -> String {
        guard let directory, !path.hasPrefix("/") else { return path }
        return "\(directory)/\(path)"
    }

    private static func isFile(_ path: String) -> Bool { kind(of: path) == S_IFREG }

    private static func isFolder(_ path: String) -> Bool { kind(of: path) == S_IFDIR }

    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        // SAFETY: the structure is written during the call.
        return unsafe stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    private static func isProgram(_ path: String) -> Bool {
        // SAFETY: the path is read during the call.
        unsafe access(path, X_OK) == 0
    }

    /// Splits a line into words, as a shell does without its substitutions: at spaces, but for those in single or
    /// double quotes or behind a backslash.
    ///
    /// - Throws: ``CommandError`` if a quote does not end, or there is nothing behind a backslash.
    public static func words(of line: String) throws(CommandError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in line {
            if isEscaped {
                // Between double quotes a backslash is one, but before what it can make plain.
                if quote == "\"", !"\"\\$`".contains(character) { word = (word ?? "") + "\\" }
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
                word = word ?? ""
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character == " " || character == "\t" || character == "\n" {
                if let ended = word { words.append(ended) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if quote != nil { throw CommandError("\(line): a quote does not end") }
        if isEscaped { throw CommandError("\(line): there is nothing behind the backslash") }
        if let word { words.append(word) }
        return words
    }
}

/// Why there is no command.
public struct CommandError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, and why it failed.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
