// SPDX-License-Identifier: Apache-2.0

import Glibc

/// SIGINT and SIGTERM, taken by a thread that waits for them instead of ending the process.
struct TerminationSignals: Sendable {
    /// Keeps the two signals from this thread and every thread it starts from now on.
    static func block() -> TerminationSignals {
        var set = TerminationSignals.set
        // SAFETY: the set is initialised; the old mask is not asked for.
        _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        return TerminationSignals()
    }

    /// Waits until one of the signals arrives.
    func wait() {
        var set = TerminationSignals.set
        var signal: Int32 = 0
        // SAFETY: both are initialised, and sigwait writes the one number.
        _ = unsafe sigwait(&set, &signal)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        // SAFETY: sigemptyset initialises the set that the others then change.
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGTERM)
        return set
    }
}
