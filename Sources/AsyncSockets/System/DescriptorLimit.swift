// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sockets
internal import Synchronization
internal import SystemPackage

/// How near a process comes to the end of its descriptors, by those that it gets: they are always the lowest that are free.
///
/// Accepting leaves the last ones to everything else. A process that has none left does not only fail to open what it needs:
/// as long as more tasks wait than there are threads, libdispatch opens a file each second, and ends the process when it cannot.
struct DescriptorLimit: ~Copyable {
    /// How many are left to others.
    private static let reserve = 4

    /// The first number that is not to be used, as it was when last asked for.
    private let limit = Atomic(0)
    /// The number that was got last.
    private let last = Atomic(0)

    /// Notes what was got.
    func got(_ socket: borrowing Socket) {
        last.store(Self.number(of: socket), ordering: .relaxed)
    }

    /// Returns if one more may be had.
    ///
    /// - Parameter socket: Any socket of the process.
    /// - Throws: `SocketError` with `EMFILE`.
    func check(with socket: borrowing Socket) throws(SocketError) {
        guard last.load(ordering: .relaxed) + 1 >= limit.load(ordering: .relaxed) else { return }
        // Others may have been closed since, or the limit raised.
        let lowest: Int
        do throws(SocketError) {
            lowest = Self.number(of: try socket.duplicate())
        } catch {
            throw SocketError(.accept, error.reason)
        }
        limit.store(Self.systemLimit - Self.reserve, ordering: .relaxed)
        guard lowest < limit.load(ordering: .relaxed) else {
            throw SocketError(.accept, .system(.tooManyOpenFiles))
        }
        last.store(lowest, ordering: .relaxed)
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
