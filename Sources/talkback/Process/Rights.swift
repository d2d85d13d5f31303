// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The limits of the process.
enum Rights {
    /// How many descriptors the process can have.
    static var descriptorLimit: Int {
        var limit = rlimit()
        // SAFETY: the structure is written during the call.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Lets the process, and those it starts, have no more than so many.
    static func setDescriptorLimit(_ count: Int) {
        var limit = rlimit()
        // SAFETY: the structure is written, and read, during the calls.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(rlim_t(clamping: count), limit.rlim_max)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Lets the process have as many descriptors as it may.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        // SAFETY: the structure is written, and read, during the calls.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// An error that says all there is to say.
struct CleanError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
