// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The bounds of a ``Server``.
public struct ServerOptions: Sendable {
    /// The most bytes in a job's body, at most 1,073,741,824.
    public var maximumJobSize: Int
    /// About how many bytes all jobs may take in memory: a put that would go beyond it is answered `OUT_OF_MEMORY`, and
    /// everything else goes on.
    public var maximumMemory: Int
    /// About how many bytes all outcomes that are kept may take; beyond that the oldest are dropped.
    public var maximumOutcomeBytes: Int
    /// The most connections at a time; more wait in the backlog.
    public var connectionLimit: Int

    /// The defaults: jobs of up to a mebibyte, in half of the machine's memory, 64 MiB of outcomes, and as many
    /// connections as there are descriptors.
    public init(
        maximumJobSize: Int = 1 << 20, maximumMemory: Int = ServerOptions.halfOfMemory,
        maximumOutcomeBytes: Int = 1 << 26, connectionLimit: Int = 1 << 20
    ) {
        self.maximumJobSize = min(max(0, maximumJobSize), 1 << 30)
        self.maximumMemory = max(0, maximumMemory)
        self.maximumOutcomeBytes = max(0, maximumOutcomeBytes)
        self.connectionLimit = max(1, connectionLimit)
    }

    /// Half of the machine's memory, in bytes.
    public static var halfOfMemory: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory / 2) }
}
