// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The clock that counts from the boot, also while the machine is suspended.
enum BootClock {
    /// Which boot this is; `nil` if it cannot be known.
    static let id = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
        .trimmingCharacters(in: .whitespacesAndNewlines)

    static var seconds: Double {
        var time = timespec()
        // SAFETY: the time is written during the call.
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
