// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import SystemPackage

extension System {
    static func blockingMode(_ descriptor: FileDescriptor) -> Result<BlockingMode, Errno> {
        valueOrErrno(retryOnInterrupt: false) { fcntl(descriptor.rawValue, F_GETFL) }
            .map { $0 & O_NONBLOCK == 0 ? .blocking : .nonBlocking }
    }

    static func setBlockingMode(_ descriptor: FileDescriptor, _ mode: BlockingMode) -> Result<Void, Errno> {
        changeFlag(
            descriptor, read: F_GETFL, write: F_SETFL, flag: O_NONBLOCK, to: mode == .nonBlocking)
    }

    static func isInheritable(_ descriptor: FileDescriptor) -> Result<Bool, Errno> {
        valueOrErrno(retryOnInterrupt: false) { fcntl(descriptor.rawValue, F_GETFD) }.map { $0 & FD_CLOEXEC == 0 }
    }

    static func setInheritable(_ descriptor: FileDescriptor, _ inheritable: Bool) -> Result<Void, Errno> {
        changeFlag(descriptor, read: F_GETFD, write: F_SETFD, flag: FD_CLOEXEC, to: !inheritable)
    }

    private static func changeFlag(
        _ descriptor: FileDescriptor, read: Int32, write: Int32, flag: Int32, to isSet: Bool
    ) -> Result<Void, Errno> {
        switch valueOrErrno(retryOnInterrupt: false, { fcntl(descriptor.rawValue, read) }) {
        case .failure(let errno): return .failure(errno)
        case .success(let old):
            let new = isSet ? old | flag : old & ~flag
            return new == old ? .success(()) : nothingOrErrno { fcntl(descriptor.rawValue, write, new) }
        }
    }
}
