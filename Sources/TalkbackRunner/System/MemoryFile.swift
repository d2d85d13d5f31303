// SPDX-License-Identifier: Apache-2.0

internal import CRunner
internal import Glibc
internal import SystemPackage

/// A file that is in memory only, and has no name: `memfd_create(2)`.
///
/// A program reads it as any file, and need not read it at all: unlike a pipe it holds everything at once.
enum MemoryFile {
    /// A file with some bytes, at its beginning.
    static func make(_ bytes: [UInt8]) throws(Errno) -> FileDescriptor {
        let number = unsafe crunner_memory_file("talkback-job")
        guard number >= 0 else { throw Errno(rawValue: errno) }
        let file = FileDescriptor(rawValue: number)
        do {
            // Not moving the position, which the reader begins at.
            var offset: Int64 = 0
            while offset < Int64(bytes.count) {
                offset += try Int64(file.writeAll(toAbsoluteOffset: offset, bytes[Int(offset)...]))
            }
            // Nobody writes into it what others would have to pay for.
            guard crunner_seal(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        } catch {
            try? file.close()
            throw error as? Errno ?? .ioError
        }
        return file
    }
}

/// A pipe whose reading end never waits.
enum OutputPipe {
    /// Both ends, closed on exec; the reading end does not block.
    static func make() throws(Errno) -> (reading: FileDescriptor, writing: FileDescriptor) {
        let ends = try FileDescriptor.pipe(options: .closeOnExec)
        guard fcntl(ends.readEnd.rawValue, F_SETFL, O_NONBLOCK) == 0 else {
            let error = Errno(rawValue: errno)
            try? ends.readEnd.close()
            try? ends.writeEnd.close()
            throw error
        }
        return (ends.readEnd, ends.writeEnd)
    }
}
