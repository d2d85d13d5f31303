// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The environment of a process that is to be started. Values are bytes: they arrive as they are, in whatever encoding.
package struct ProcessEnvironment: Sendable {
    /// Each `NAME=value`.
    private(set) var entries: [[UInt8]]

    /// This process's own environment, all of it.
    package static var current: ProcessEnvironment {
        var entries: [[UInt8]] = []
        guard var entry = unsafe Optional(environ) else { return ProcessEnvironment(entries: []) }
        // SAFETY: the list ends with a null pointer, and nobody changes it while there is more than one thread.
        while let text = unsafe entry.pointee {
            entries.append(unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
            unsafe entry += 1
        }
        return ProcessEnvironment(entries: entries)
    }

    /// What a task gets of this process's environment: all but what a service manager or Talkback has put there for
    /// this process. See ``TaskEnvironment``.
    package static var forTasks: ProcessEnvironment {
        var environment = current
        environment.entries.removeAll { TaskEnvironment.withholds(String(decoding: name(of: $0), as: UTF8.self)) }
        return environment
    }

    /// The environment with some variables set, each `NAME=value`.
    package func setting(_ variables: [String]) -> ProcessEnvironment {
        let added = variables.map { Array($0.utf8) }
        // Of two with one name, programs take the first.
        let names = Set(added.map(Self.name))
        return ProcessEnvironment(entries: entries.filter { !names.contains(Self.name(of: $0)) } + added)
    }

    private static func name(of entry: [UInt8]) -> [UInt8] { Array(entry.prefix { $0 != UInt8(ascii: "=") }) }
}
