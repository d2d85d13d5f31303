// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sockets
internal import Synchronization
internal import SystemPackage

/// How near the process comes to the end of its descriptors, by those that it gets: they are always the lowest that are
/// free.
///
/// Accepting leaves the last ones to everything else. A process that has none left does not only fail to open what it
/// needs: as long as more tasks wait than there are threads, libdispatch opens a file each second, and ends the process
/// when it cannot.
enum DescriptorLimit {
    /// How many are left to others.
    private static let reserve = 4

    /// The first number that is not to be used, as it was when last asked for.
    private static let limit = Atomic(0)
    /// The highest number that was ever got. From then on each is looked at before: a lower one that was free, because
    /// it had been closed, says nothing of the next.
    private static let highest = Atomic(0)

    /// Notes what was got.
    static func got(_ socket: borrowing Socket) {
        let number = number(of: socket)
        if number > highest.load(ordering: .relaxed) { highest.max(number, ordering: .relaxed) }
    }

    /// Returns if one more may be had.
    ///
    /// - Parameter socket: Any socket of the process.
    /// - Throws: `SocketError` with `EMFILE`.
    static func check(with socket: borrowing Socket) throws(SocketError) {
        guard highest.load(ordering: .relaxed) + 1 >= limit.load(ordering: .relaxed) else { return }
        let lowest: Int
        do throws(SocketError) {
            lowest = number(of: try socket.duplicate())
        } catch {
            throw SocketError(.accept, error.reason)
        }
        // It may have been raised.
        let limit = systemLimit - reserve
        Self.limit.store(limit, ordering: .relaxed)
        guard lowest < limit else { throw SocketError(.accept, .system(.tooManyOpenFiles)) }
    }

    private static func number(of socket: borrowing Socket) -> Int {
        socket.withDescriptor { Int($0.rawValue) }
    }

    /// How many the process can have.
    private static var systemLimit: Int {
        var limit = rlimit()
        // SAFETY: the structure is written during the call.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        return Int(clamping: limit.rlim_cur)
    }
}
