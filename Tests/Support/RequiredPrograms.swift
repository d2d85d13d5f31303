// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The programs that tests start, themselves or in a shell's script: no more than the smallest Debian has.
///
/// A script that lacks one may do nothing at all, and its test would wait until its time is over; so every test that
/// starts a program asks for all of them first.
enum RequiredPrograms {
    static let names = [
        "awk", "base64", "bash", "cat", "cmp", "cp", "cut", "env", "false", "grep", "head", "id", "ls", "mv", "printf",
        "rev",
        "sed", "seq",
        "sh", "sleep", "sort", "stat", "tail", "tee", "test", "timeout", "tr", "true", "uniq", "wc", "xargs", "yes",
    ]

    /// Those that PATH does not have.
    static let missing: [String] = {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
        let folders = path.split(separator: ":")
        return names.filter { name in
            // SAFETY: the path is read during the call.
            !folders.contains { unsafe access("\($0)/\(name)", X_OK) == 0 }
        }
    }()

    /// Why a test cannot run here.
    struct Missing: Error, CustomStringConvertible {
        var description: String {
            "the tests need programs that PATH does not have: \(RequiredPrograms.missing.joined(separator: ", "))"
        }
    }
}
