// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A command with the processes it has started, `setpgid(2)`.
enum ProcessGroup {
    /// Ends what is left of a group that has got SIGTERM and whose leader is gone.
    ///
    /// Subprocess waits for the leader alone: a process of the group that takes longer to end, or does not want to,
    /// would be left behind.
    ///
    /// The group's number stays its own as long as it has a process, and a number that becomes free is given out again
    /// only after all others have been: far later than the next look.
    ///
    /// - Parameter grace: How long to wait before SIGKILL.
    static func end(_ leader: Int32, grace: Duration) async {
        // A task of its own: that of the caller may be cancelled, and could not wait.
        await Task {
            let end = ContinuousClock.now + grace
            while kill(-leader, 0) == 0 {
                guard ContinuousClock.now < end else {
                    kill(-leader, SIGKILL)
                    return
                }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }.value
    }
}
