// SPDX-License-Identifier: Apache-2.0

/// The bounds of a ``Server``.
public struct ServerOptions: Sendable {
    /// The most bytes in a job's body, at most 1,073,741,824.
    public var maximumJobSize: Int
    /// The most connections at a time; more wait in the backlog.
    public var connectionLimit: Int

    /// The defaults: jobs of up to a mebibyte, and as many connections as there are descriptors.
    public init(maximumJobSize: Int = 1 << 20, connectionLimit: Int = 1 << 20) {
        self.maximumJobSize = min(max(0, maximumJobSize), 1 << 30)
        self.connectionLimit = max(1, connectionLimit)
    }
}
