// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What `stats` tells of the process and its machine.
struct SystemFacts {
    let processID = getpid()
    let userTime: String
    let systemTime: String
    let hostName: String
    let version: String
    let machine: String

    init() {
        var usage = rusage()
        // SAFETY: getrusage and uname each write the one structure.
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        userTime = Self.text(usage.ru_utime)
        systemTime = Self.text(usage.ru_stime)
        var names = utsname()
        unsafe uname(&names)
        hostName = Self.text(&names.nodename)
        version = Self.text(&names.version)
        machine = Self.text(&names.machine)
    }

    private static func text(_ time: timeval) -> String {
        let digits = String(time.tv_usec)
        return "\(time.tv_sec).\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)"
    }

    /// A field of `utsname`: text that ends in a zero.
    private static func text<Field>(_ field: inout Field) -> String {
        // SAFETY: the bytes of the field are read while it is borrowed.
        unsafe withUnsafeBytes(of: &field) { unsafe String(decoding: unsafe $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
