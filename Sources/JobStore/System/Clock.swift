// SPDX-License-Identifier: Apache-2.0

internal import Glibc

enum Clock {
    /// The time of a clock in nanoseconds, `clock_gettime(2)`.
    static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // SAFETY: the time is written during the call.
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// The monotonic clock, which deadlines of threads are of.
    static var monotonic: Int64 { now(CLOCK_MONOTONIC) }
}
