// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// The folder that commands start in, as an absolute path in which symbolic links are still links.
struct DirectoryArgument: ExpressibleByArgument, CustomStringConvertible {
    let path: String
    var description: String { path }

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        let whole = argument.hasPrefix("/") ? argument : "\(Self.current)/\(argument)"
        // Not "..": behind a symbolic link it is a folder of where that leads.
        path = "/" + whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// Where this program is, by the name that its shell has for it: what the system calls it has no links in it.
    private static var current: String {
        let files = FileManager.default
        let own = try? files.attributesOfItem(atPath: ".")
        if let shells = ProcessInfo.processInfo.environment["PWD"], shells.hasPrefix("/"),
            let theirs = try? files.attributesOfItem(atPath: shells + "/."),
            isSame(own, theirs, .systemFileNumber), isSame(own, theirs, .systemNumber)
        {
            return shells
        }
        return files.currentDirectoryPath
    }

    private static func isSame(
        _ one: [FileAttributeKey: Any]?, _ other: [FileAttributeKey: Any], _ key: FileAttributeKey
    ) -> Bool {
        guard let number = one?[key] as? NSNumber else { return false }
        return number == other[key] as? NSNumber
    }
}
