// SPDX-License-Identifier: Apache-2.0

/// How far a store must have come to have everything that was recorded of one job, or of its outcome.
///
/// A reply that shows nothing but the job may leave then, whatever else has been recorded since. Only the queue makes
/// these, from the job that it shows, so that none can be made up: see ``JobQueue/lastSequence`` for replies that show
/// more.
public struct JobSequence: Hashable, Sendable {
    /// The number of the job's last numbered mutation; 0 if none was recorded since the queue was made or restored.
    public let number: UInt64

    init(_ number: UInt64) {
        self.number = number
    }
}
