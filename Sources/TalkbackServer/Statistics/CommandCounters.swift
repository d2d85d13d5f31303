// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

/// How often each command was given.
struct CommandCounters {
    private var counts = [UInt64](repeating: 0, count: CommandName.allCases.count)

    subscript(name: CommandName) -> UInt64 { counts[Int(name.rawValue)] }

    mutating func count(_ name: CommandName) {
        counts[Int(name.rawValue)] &+= 1
    }
}
