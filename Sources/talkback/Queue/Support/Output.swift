// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage

/// Standard output, written on a thread of its own: whoever reads it may be slow, and the client's replies go on.
struct Output {
    private static let queue = DispatchQueue(label: "output")

    private var bytes: [UInt8] = []

    /// How much waits to be written.
    var count: Int { bytes.count }

    mutating func append(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    mutating func append(line: String) {
        bytes.append(contentsOf: line.utf8)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Writes all that was appended.
    mutating func flush() async throws {
        if bytes.isEmpty { return }
        let whole = bytes
        bytes.removeAll(keepingCapacity: whole.count <= 1 << 20)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Self.queue.async {
                continuation.resume(
                    with: Result {
                        do throws(Errno) {
                            try StandardStreams.write(whole.span)
                        } catch {
                            if error == .brokenPipe { Self.endIfBrokenPipesEnd() }
                            throw CleanError("write to standard output: \(error)")
                        }
                    })
            }
        }
    }

    /// Ends the program quietly, as SIGPIPE ends one, unless a broken pipe is to be an error. The queue's thread has
    /// the signal blocked, so that writing there fails in its place.
    private static func endIfBrokenPipesEnd() {
        guard !reportsBrokenPipes.load(ordering: .relaxed) else { return }
        signal(SIGPIPE, SIG_DFL)
        kill(getpid(), SIGPIPE)
        // The main thread takes it.
        while true { pause() }
    }

    private static let reportsBrokenPipes = Atomic(false)

    /// Makes writing to a pipe that nobody reads an error, for commands that have something to put right then.
    static func reportBrokenPipes() {
        reportsBrokenPipes.store(true, ordering: .relaxed)
        signal(SIGPIPE, SIG_IGN)
    }
}
