// SPDX-License-Identifier: Apache-2.0

import Glibc

/// This process and what it has open.
enum ProcessIdentity {
    static var current: pid_t { getpid() }

    static var openDescriptors: Int {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        // ".", ".." and the folder itself.
        return count - 3
    }
}
