// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization
internal import SystemPackage

/// The descriptors that systemd passes to a process it starts, `sd_listen_fds(3)`.
enum PassedDescriptors {
    private static let areTaken = Atomic(false)
    /// The first one: SD_LISTEN_FDS_START.
    private static let first: Int32 = 3

    /// The descriptors, once.
    static func take() -> [FileDescriptor] {
        // The variables name the process they are for, as its children inherit them.
        guard number("LISTEN_PID") == getpid(), let count = number("LISTEN_FDS"), count > 0,
            !areTaken.exchange(true, ordering: .sequentiallyConsistent)
        else { return [] }
        return (first..<first &+ min(count, 65_536)).map { FileDescriptor(rawValue: $0) }
    }

    private static func number(_ variable: String) -> Int32? {
        // SAFETY: the text is copied before anything else can change the environment.
        unsafe getenv(variable).flatMap { unsafe Int32(String(cString: $0)) }
    }
}
