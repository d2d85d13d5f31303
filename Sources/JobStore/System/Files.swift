// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import SystemPackage

/// A file that says whose a folder is: whoever has it locked, `flock(2)`, until the process ends.
struct FolderLock: ~Copyable, Sendable {
    private let file: FileDescriptor

    /// Takes the lock.
    ///
    /// - Throws: `StoreError`: `inUse` when another process has it.
    init(_ folder: String) throws(StoreError) {
        file = try Self.lock(folder + "/lock")
    }

    private static func lock(_ path: String) throws(StoreError) -> FileDescriptor {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                FilePath(path), .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite])
        } catch {
            throw StoreError("open", path, .system(error as? Errno ?? .ioError))
        }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            let error = Errno(rawValue: errno)
            let owner = owner(path)
            try? file.close()
            throw StoreError("lock", path, error == .wouldBlock ? .inUse(processID: owner) : .system(error))
        }
        // The process's number is for messages only.
        ftruncate(file.rawValue, 0)
        _ = try? file.writeAll("\(getpid())\n".utf8)
        return file
    }

    deinit {
        // Said, and not left to the closing: a child of this process may just now have a copy of the descriptor.
        flock(file.rawValue, LOCK_UN)
        try? file.close()
    }

    private static func owner(_ path: String) -> Int32? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { Int32($0.trimmingCharacters(in: .newlines)) }
    }
}

/// Disk space that is set aside, to be given up when the disk is full.
struct DiskReserve: ~Copyable {
    private let path: String
    private let size: Int
    private(set) var isThere = false

    init(_ folder: String, size: Int) {
        path = folder + "/reserve"
        self.size = size
    }

    /// Sets the space aside.
    ///
    /// - Returns: Whether there was so much.
    mutating func take() -> Bool {
        if isThere { return true }
        guard
            let file = try? FileDescriptor.open(
                FilePath(path), .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite])
        else { return false }
        defer { try? file.close() }
        isThere = allocate(file)
        if !isThere { giveUp() }
        return isThere
    }

    private func allocate(_ file: FileDescriptor) -> Bool {
        // Where the file system has no call for it, the C library writes to each block.
        posix_fallocate(file.rawValue, 0, off_t(size)) == 0
    }

    /// Gives the space back.
    mutating func giveUp() {
        isThere = false
        // Cut first: the space is free even if somebody holds the file open.
        unsafe truncate(path, 0)
        unsafe unlink(path)
    }
}

enum Folder {
    /// Makes a folder, and those it is in, if it is not there; only its owner can look into it.
    static func make(_ path: String) throws(StoreError) {
        var part = path.hasPrefix("/") ? "/" : ""
        for name in path.split(separator: "/") {
            let parent = part.isEmpty ? "." : part
            part += part.isEmpty || part.hasSuffix("/") ? String(name) : "/\(name)"
            let result = unsafe mkdir(part, 0o700)
            if result == 0 {
                // A loss of power must not take the folder with all that is in it.
                try sync(parent)
            } else if errno != EEXIST, errno != EISDIR {
                // One that cannot be made may be there all the same, above a place that may be written.
                let error = Errno(rawValue: errno)
                var facts = stat()
                guard unsafe stat(part, &facts) == 0 else { throw StoreError("make the folder", part, .system(error)) }
            }
        }
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else {
            throw StoreError("open the folder", path, .system(Errno(rawValue: errno)))
        }
        guard facts.st_mode & S_IFMT == S_IFDIR else {
            throw StoreError("open the folder", path, .system(.notDirectory))
        }
        guard unsafe access(path, R_OK | W_OK | X_OK) == 0 else {
            throw StoreError("write in the folder", path, .system(Errno(rawValue: errno)))
        }
    }

    /// Makes an empty file if there is none, that only its owner can read, whatever the folder is; what SQLite puts
    /// beside it has the same rights.
    static func makeFile(_ path: String) throws(StoreError) {
        do {
            let file = try FileDescriptor.open(
                FilePath(path), .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite])
            try file.close()
        } catch {
            throw StoreError("open", path, .system(error as? Errno ?? .ioError))
        }
    }

    /// Makes what was made in a folder survive a loss of power.
    static func sync(_ path: String) throws(StoreError) {
        do {
            let folder = try FileDescriptor.open(FilePath(path), .readOnly, options: [.directory, .closeOnExec])
            defer { try? folder.close() }
            guard fsync(folder.rawValue) == 0 else { throw Errno(rawValue: errno) }
        } catch {
            throw StoreError("sync the folder", path, .system(error as? Errno ?? .ioError))
        }
    }

    /// Whether beanstalkd has kept jobs there.
    static func hasBeanstalkdLog(_ path: String) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.contains { $0.hasPrefix("binlog.") && Int($0.dropFirst(7)) != nil }
    }
}
