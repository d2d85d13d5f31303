// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import SystemPackage

/// Which file a name stands for.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let node: UInt64
}

/// What a Unix domain listener needs of the file system. Paths are bytes without a zero.
enum FileSystem {
    static func identity(_ path: [UInt8]) -> FileIdentity? {
        status(path).map { FileIdentity(device: UInt64($0.st_dev), node: UInt64($0.st_ino)) }
    }

    /// Removes a socket's file; nothing else is ever removed.
    ///
    /// - Returns: Whether it is gone.
    static func removeSocket(_ path: [UInt8]) -> Bool {
        guard let status = status(path), status.st_mode & S_IFMT == S_IFSOCK else { return false }
        return unsafe withCString(path) { unsafe unlink($0) } == 0
    }

    private static func status(_ path: [UInt8]) -> stat? {
        var status = stat()
        // SAFETY: lstat writes the one structure.
        return unsafe withCString(path) { unsafe lstat($0, &status) } == 0 ? status : nil
    }

    static func withCString<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        // SAFETY: a copy that ends in a zero and lives as long as the call; a byte and a CChar are the same.
        unsafe (path + [0]).withUnsafeBytes { bytes in
            unsafe body(bytes.assumingMemoryBound(to: CChar.self).baseAddress.unsafelyUnwrapped)
        }
    }
}

/// A lock on the folder that a path is in, `flock(2)`. Other programs that bind sockets there with this library wait.
struct FolderLock {
    private let folder: Int32

    /// Waits for the lock; `nil` if the folder cannot be opened, or somebody else has kept it locked for a second, far
    /// longer than binding takes. An event loop's thread does not wait.
    init?(parentOf path: [UInt8]) {
        let parent = path.lastIndex(of: UInt8(ascii: "/")).map { $0 == 0 ? [UInt8(ascii: "/")] : Array(path[..<$0]) }
        folder = unsafe FileSystem.withCString(parent ?? [UInt8(ascii: ".")]) {
            unsafe open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard folder != -1 else { return nil }
        let mayWait = LoopThread.current == nil
        for _ in 0..<1000 {
            if flock(folder, LOCK_EX | LOCK_NB) == 0 { return }
            guard mayWait else { break }
            usleep(1000)
        }
        close(folder)
        return nil
    }

    func release() {
        close(folder)
    }
}
