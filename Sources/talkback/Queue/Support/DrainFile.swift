// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage

/// The file that jobs are drained into, or standard output. What was appended is on disk.
final class DrainFile: Sendable {
    /// What errors call it.
    let name: String
    /// How many bytes were cut off: a line that a drain before this one has not finished.
    let cutCount: Int
    private let descriptor: FileDescriptor
    private let ownsDescriptor: Bool
    private let queue = DispatchQueue(label: "drain")

    /// - Parameter path: `nil` and `-` are standard output.
    init(_ path: String?) throws {
        guard let path, path != "-" else {
            name = "standard output"
            cutCount = 0
            descriptor = .standardOutput
            ownsDescriptor = false
            return
        }
        name = path
        ownsDescriptor = true
        do {
            descriptor = try FileDescriptor.open(
                FilePath(path), .readWrite, options: [.create, .append, .closeOnExec],
                // Jobs may be nobody else's business.
                permissions: .ownerReadWrite)
        } catch {
            throw CleanError("open \(path): \(error)")
        }
        do {
            cutCount = try Self.prepare(descriptor, path)
        } catch {
            try? descriptor.close()
            throw error
        }
    }

    deinit {
        if ownsDescriptor { try? descriptor.close() }
    }

    /// Writes lines, and waits until they are on disk. If that fails, a file is what it was before.
    func append(_ lines: [UInt8]) async throws {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try self.appendNow(lines) }) }
        }
    }

    private func appendNow(_ lines: [UInt8]) throws {
        let size = ownsDescriptor ? Self.fileSize(descriptor) : nil
        do {
            try StandardStreams.write(lines.span, to: descriptor)
            try Self.sync(descriptor)
        } catch {
            if let size { ftruncate(descriptor.rawValue, off_t(size)) }
            throw CleanError("write to \(name): \(error)")
        }
    }

    private static func sync(_ descriptor: FileDescriptor) throws(Errno) {
        guard fsync(descriptor.rawValue) != 0 else { return }
        let error = Errno(rawValue: errno)
        // A pipe, a terminal.
        guard error == .invalidArgument || error == .notSupported || error == .readOnlyFileSystem else { throw error }
    }

    // MARK: A file that is there

    private static func fileSize(_ descriptor: FileDescriptor) -> Int? {
        var status = stat()
        // SAFETY: the structure is written during the call.
        guard unsafe fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// - Returns: How many bytes were cut off.
    private static func prepare(_ descriptor: FileDescriptor, _ path: String) throws -> Int {
        guard let size = fileSize(descriptor) else { return 0 }
        guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            throw CleanError("open \(path): another process drains into it")
        }
        if size == 0 {
            try syncFolder(of: path)
            return 0
        }
        do {
            let end = try endOfLines(descriptor, size)
            guard end < size else { return 0 }
            var begin: [UInt8] = []
            try begin.append(addingCapacity: 2) { (buffer: inout OutputSpan<UInt8>) in
                try read(descriptor, at: end, into: &buffer)
            }
            guard Array("{\"".utf8).starts(with: begin) else {
                throw CleanError("open \(path): its last line is not one of drained jobs")
            }
            guard ftruncate(descriptor.rawValue, off_t(end)) == 0 else { throw Errno(rawValue: errno) }
            return size - end
        } catch let error as Errno {
            throw CleanError("open \(path): \(error)")
        }
    }

    /// Where the last line feed ends.
    private static func endOfLines(_ descriptor: FileDescriptor, _ size: Int) throws -> Int {
        var end = size
        while end > 0 {
            let start = max(0, end - 65_536)
            var piece: [UInt8] = []
            try piece.append(addingCapacity: end - start) { (buffer: inout OutputSpan<UInt8>) in
                try read(descriptor, at: start, into: &buffer)
            }
            if let last = piece.lastIndex(of: UInt8(ascii: "\n")) { return start + last + 1 }
            end = start
        }
        return 0
    }

    private static func read(_ descriptor: FileDescriptor, at offset: Int, into buffer: inout OutputSpan<UInt8>) throws
    {
        try descriptor.seek(offset: Int64(offset), from: .start)
        while buffer.freeCapacity > 0 {
            let count = buffer.count
            try StandardStreams.read(descriptor, into: &buffer)
            if buffer.count == count { return }
        }
    }

    /// So that the name of a new file is on disk too.
    private static func syncFolder(of path: String) throws {
        let folder = FilePath(path).removingLastComponent()
        do {
            let descriptor = try FileDescriptor.open(folder.isEmpty ? "." : folder, .readOnly, options: .closeOnExec)
            try descriptor.closeAfter { try sync(descriptor) }
        } catch {
            throw CleanError("open \(path): sync its folder: \(error)")
        }
    }
}
