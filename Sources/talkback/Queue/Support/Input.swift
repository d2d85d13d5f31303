// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage

/// Standard input or a file, read on a thread of its own: a read may block for any time, and the client's replies go
/// on.
final class Input: Sendable {
    /// What errors call it.
    let name: String
    private let descriptor: FileDescriptor?
    private let queue = DispatchQueue(label: "input")

    private static let readSize = 1 << 18

    /// - Parameter path: `nil` and `-` are standard input.
    init(_ path: String?) throws {
        guard let path, path != "-" else {
            name = "standard input"
            descriptor = nil
            return
        }
        name = path
        do {
            descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
        } catch {
            throw CleanError("open \(path): \(error)")
        }
    }

    deinit {
        try? descriptor?.close()
    }

    /// Whether it can be read twice.
    var isFile: Bool {
        var status = stat()
        // SAFETY: the structure is written during the call.
        let result = unsafe fstat(descriptor?.rawValue ?? STDIN_FILENO, &status)
        return result == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Where the next read begins, in a file.
    func position() throws -> Int64 {
        try seek(0, from: .current)
    }

    /// Makes the next read begin somewhere else, in a file.
    func go(to position: Int64) throws {
        _ = try seek(position, from: .start)
    }

    private func seek(_ offset: Int64, from origin: FileDescriptor.SeekOrigin) throws -> Int64 {
        do {
            return try (descriptor ?? .standardInput).seek(offset: offset, from: origin)
        } catch {
            throw CleanError("read \(name): \(error)")
        }
    }

    /// What there is, waiting for it; nothing at the end.
    func read() async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try self.readNow() }) }
        }
    }

    /// All there is.
    ///
    /// - Parameter limit: More bytes are an error.
    func readAll(upTo limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try await read()
            if more.isEmpty { return bytes }
            bytes += more
            guard bytes.count <= limit else {
                throw CleanError("read \(name): more than \(limit) bytes, which no server takes")
            }
        }
    }

    private func readNow() throws -> [UInt8] {
        do throws(Errno) {
            var bytes: [UInt8] = []
            try bytes.append(addingCapacity: Self.readSize) { (buffer: inout OutputSpan<UInt8>) throws(Errno) in
                try StandardStreams.read(descriptor ?? .standardInput, into: &buffer)
            }
            return bytes
        } catch {
            throw CleanError("read \(name): \(error)")
        }
    }
}

/// A read that has begun.
final class Reading: Sendable {
    private let hasEnded: Ended
    private let task: Task<[UInt8], any Error>

    private final class Ended: Sendable {
        let flag = Atomic(false)
    }

    init(_ input: Input) {
        let hasEnded = Ended()
        self.hasEnded = hasEnded
        task = Task {
            defer { hasEnded.flag.store(true, ordering: .releasing) }
            return try await input.read()
        }
    }

    /// Whether nobody has to wait for it.
    var isReady: Bool { hasEnded.flag.load(ordering: .acquiring) }

    /// What was read; nothing at the end.
    var bytes: [UInt8] {
        get async throws { try await task.value }
    }
}
