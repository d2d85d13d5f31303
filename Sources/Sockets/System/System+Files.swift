// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    /// fchmod(2) of a socket: the mode that its file gets when it is bound, less the umask.
    static func setMode(_ descriptor: FileDescriptor, _ permissions: FilePermissions) -> Result<Void, Errno> {
        nothingOrErrno(retryOnInterrupt: true) { fchmod(descriptor.rawValue, permissions.rawValue) }
    }

    /// A handle for a socket's file, which is not opened for anything; `ELOOP` for a symbolic link, `ENOTSOCK` for
    /// anything else that is no socket.
    static func openSocketFile(_ path: [UInt8]) -> Result<FileDescriptor, Errno> {
        let opened = valueOrErrno(retryOnInterrupt: true) {
            unsafe withCString(path) { unsafe open($0, csockets_o_path() | O_NOFOLLOW | O_CLOEXEC) }
        }
        guard case .success(let descriptor) = opened else { return opened.map(FileDescriptor.init(rawValue:)) }
        switch status(descriptor) {
        case .success(let status) where status.st_mode & S_IFMT == S_IFSOCK:
            return .success(FileDescriptor(rawValue: descriptor))
        case .success:
            _ = Glibc.close(descriptor)
            return .failure(.notSocket)
        case .failure(let errno):
            _ = Glibc.close(descriptor)
            return .failure(errno)
        }
    }

    /// fchownat(2) of the file behind a handle.
    static func setFileOwner(_ handle: FileDescriptor, owner: UInt32?, group: UInt32?) -> Result<Void, Errno> {
        nothingOrErrno {
            // SAFETY: the empty string is a constant; AT_EMPTY_PATH makes the call about the handle itself.
            unsafe fchownat(handle.rawValue, "", owner ?? .max, group ?? .max, csockets_at_empty_path())
        }
    }

    /// chmod(2) of the file behind a handle. fchmod does not take such handles, and fchmodat2 is of Linux 6.6, so this
    /// goes by way of /proc, or, where that is not mounted, by the path.
    static func setFileMode(
        _ handle: FileDescriptor, _ path: [UInt8], _ permissions: FilePermissions
    ) -> Result<Void, Errno> {
        if case .success(let status) = status(handle.rawValue), status.st_mode & 0o7777 == permissions.rawValue {
            return .success(())
        }
        let byHandle = nothingOrErrno { unsafe chmod("/proc/self/fd/\(handle.rawValue)", permissions.rawValue) }
        guard case .failure(.noSuchFileOrDirectory) = byHandle else { return byHandle }
        return nothingOrErrno { unsafe withCString(path) { unsafe chmod($0, permissions.rawValue) } }
    }

    /// unlink(2), of a file that this process has just made and no longer wants.
    static func remove(_ path: [UInt8]) {
        _ = unsafe withCString(path) { unsafe unlink($0) }
    }

    private static func status(_ descriptor: Int32) -> Result<stat, Errno> {
        var status = stat()
        return nothingOrErrno { unsafe fstat(descriptor, &status) }.map { status }
    }

    /// Calls `body` with the bytes as a C string. They have no zero byte in them.
    private static func withCString<R>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
        let characters = bytes.map { CChar(bitPattern: $0) } + [0]
        // SAFETY: the array ends with a zero byte, so it is not empty and has a base address, and lives through the
        // call.
        return unsafe characters.withUnsafeBufferPointer { unsafe body($0.baseAddress.unsafelyUnwrapped) }
    }
}
