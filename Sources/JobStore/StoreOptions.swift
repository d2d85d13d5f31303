// SPDX-License-Identifier: Apache-2.0

/// Where and how a ``JobStore`` keeps its jobs.
public struct StoreOptions: Sendable {
    /// When what was written is made to survive a loss of power.
    public enum Sync: Hashable, Sendable {
        /// Before anything is reported as kept.
        case always
        /// So long after it was reported as kept, at most. A crash of the program alone loses nothing.
        case every(Duration)
        /// When the system does. A crash of the program alone loses nothing.
        case never
    }

    /// The folder, which is made if it is not there.
    public var folder: String
    /// When to sync.
    public var sync: Sync
    /// How many bytes of disk space are set aside. They must be enough for the largest group, and for what is in the
    /// log.
    public var reserveSize: Int
    /// The clocks that it goes by.
    public var clocks: StoreClocks

    /// Jobs in a folder.
    public init(
        folder: String, sync: Sync = .always, reserveSize: Int = 1 << 24, clocks: StoreClocks = .system
    ) {
        self.folder = folder
        self.sync = sync
        self.reserveSize = reserveSize
        self.clocks = clocks
    }
}
