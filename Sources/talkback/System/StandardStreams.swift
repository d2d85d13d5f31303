// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage

/// Standard input, output and error, which other processes may share: their blocking mode is left as it is.
enum StandardStreams {
    /// Reads what there is, waiting for it; nothing at the end.
    static func read(
        _ stream: FileDescriptor = .standardInput, into buffer: inout OutputSpan<UInt8>
    ) throws(Errno) {
        var result: Result<Int, Errno> = .success(0)
        repeat {
            // SAFETY: read writes at most as many bytes as there is room for, and what it has written is initialised.
            unsafe buffer.withUnsafeMutableBufferPointer { memory, count in
                let room = unsafe UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: memory[count...]))
                result = attempt { try unsafe stream.read(into: room) }
                if case .success(let more) = result { count += more }
            }
        } while wouldBlock(result, stream, .readable)
        _ = try result.get()
    }

    /// Writes all of the bytes.
    static func write(_ bytes: Span<UInt8>, to stream: FileDescriptor = .standardOutput) throws(Errno) {
        var written = 0
        while written < bytes.count {
            written += try writeOnce(bytes.extracting(droppingFirst: written), to: stream).get()
        }
    }

    /// Writes as many of the bytes as the stream takes at a time, waiting for it to take any.
    private static func writeOnce(_ bytes: Span<UInt8>, to stream: FileDescriptor) -> Result<Int, Errno> {
        var result: Result<Int, Errno> = .success(0)
        repeat {
            // SAFETY: the bytes are read during the call.
            result = unsafe bytes.withUnsafeBytes { memory in
                attempt { try unsafe stream.write(UnsafeRawBufferPointer(memory)) }
            }
        } while wouldBlock(result, stream, .writable)
        return result
    }

    /// Writes as much as can be written, waiting for whoever reads.
    ///
    /// - Returns: How many bytes that was: all, unless nobody reads any more, the disk is full, or the like.
    static func write(asMuchAsPossibleOf bytes: Span<UInt8>, to stream: FileDescriptor) -> Int {
        var written = 0
        while written < bytes.count {
            let result = writeOnce(bytes.extracting(droppingFirst: written), to: stream)
            guard case .success(let count) = result, count > 0 else { break }
            written += count
        }
        return written
    }

    /// Writes lines to standard output.
    static func print(_ text: String) throws {
        do throws(Errno) {
            try write(Array("\(text)\n".utf8).span)
        } catch {
            throw CleanError("write to standard output: \(error)")
        }
    }

    /// Writes a line about a problem to standard error, waiting for whoever reads it: for programs that do one thing
    /// for one user. Those that run for long have a ``LogStream``.
    static func complain(_ text: String) {
        show(text + "\n")
    }

    /// Writes a text to standard error that is no line, such as how far something has come.
    static func show(_ text: String) {
        // Nobody is left to tell when that fails.
        _ = write(asMuchAsPossibleOf: Array(text.utf8).span, to: .standardError)
    }

    /// Puts something in the place of a stream that the program was started without, so that no socket gets its number.
    static func openThoseThatAreClosed() {
        for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) == -1 {
            // It gets the lowest number that is free. Reading finds the end, and writing fails.
            _ = try? FileDescriptor.open(FilePath("/dev/null"), .readOnly)
        }
    }

    private static func attempt(_ call: () throws -> Int) -> Result<Int, Errno> {
        Result(catching: call).mapError { $0 as? Errno ?? .ioError }
    }

    /// Whether a call has found somebody else's non-blocking mode; waits then until it can be made again.
    private static func wouldBlock(
        _ result: Result<Int, Errno>, _ stream: FileDescriptor, _ events: PollEvents
    ) -> Bool {
        guard case .failure(.wouldBlock) = result else { return false }
        var entries = [PollEntry(stream, events)]
        // An error is found again by the call that follows.
        _ = try? Socket.poll(&entries, timeout: nil)
        return true
    }
}
