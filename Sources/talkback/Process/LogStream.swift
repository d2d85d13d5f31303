// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage

/// Standard output or error, for programs that run for long: whoever writes a line never waits for whoever reads it.
///
/// A thread of the stream's own writes the lines, in order. What that thread cannot write soon enough (a full pipe, a
/// stopped terminal), or not at all (nobody reads the pipe, the disk is full), is dropped and counted, and the count is
/// written as soon as something can be written again. The stream may be shared with other processes, so its blocking
/// mode is left as it is.
final class LogStream: @unchecked Sendable {
    // `@unchecked`: what changes is used only while `condition` is locked, but for `output`, which only the thread
    // uses.

    static let standardError = LogStream(.standardError)
    static let standardOutput = LogStream(.standardOutput)

    /// The most bytes that wait to be written, beside those that the thread is writing.
    static let capacity = 1 << 18

    private struct Pending {
        var lines: [String] = []
        var byteCount = 0
        /// How many lines did not fit behind these.
        var dropped = 0

        var isEmpty: Bool { lines.isEmpty && dropped == 0 }
    }

    private let condition = NSCondition()
    private var pending = Pending()
    private var hasThread = false
    /// Whether the thread has written, or dropped, all that it has taken.
    private var isIdle = true
    /// How many lines the thread has dealt with: how it is seen to come forward.
    private var doneCount = 0
    private var droppedTotal = 0
    private var notice: @Sendable (Int) -> String = { "\($0) lines were dropped\n" }
    private var output: LogOutput

    init(_ descriptor: FileDescriptor) {
        output = LogOutput(descriptor)
    }

    /// How many lines were dropped so far.
    var droppedCount: Int { condition.withLock { droppedTotal } }

    /// Says how a count of dropped lines is written; with the line feed.
    func setNotice(_ notice: @escaping @Sendable (Int) -> String) {
        condition.withLock { self.notice = notice }
    }

    /// Has a text written that ends in a line feed, or drops it. Any thread may call this, and none ever waits.
    func write(_ text: String) {
        condition.withLock {
            let size = text.utf8.count
            guard pending.dropped == 0, pending.byteCount + size <= Self.capacity, startThread() else {
                pending.dropped += 1
                droppedTotal += 1
                // It has to be told of this too, or it would wait for ever where this line was too long for itself.
                _ = startThread()
                condition.broadcast()
                return
            }
            pending.lines.append(text)
            pending.byteCount += size
            condition.broadcast()
        }
    }

    /// Has a line written, or drops it.
    func write(line: String) {
        write(line + "\n")
    }

    /// Has something written that is no line, such as how far something has come, unless something else has to be
    /// written first.
    func show(_ text: String) {
        condition.withLock {
            guard pending.isEmpty, isIdle, startThread() else { return }
            pending.lines.append(text)
            pending.byteCount += text.utf8.count
            condition.broadcast()
        }
    }

    /// Waits, before the program ends, until all is written; but for no longer than the reader takes what it is given.
    func finish() {
        // Looked at now and then: a condition of Foundation's waits by the wall clock, which may be set.
        let end = ContinuousClock.now + .seconds(2)
        var (count, stuckSince) = (-1, ContinuousClock.now)
        while true {
            let (isDone, isWriting, newCount) = condition.withLock { (pending.isEmpty && isIdle, !isIdle, doneCount) }
            let now = ContinuousClock.now
            if isDone || now >= end { return }
            // A thread that has taken nothing yet has not had its turn on a busy machine; one that has may be stuck.
            if newCount != count || !isWriting {
                (count, stuckSince) = (newCount, now)
            } else if stuckSince.duration(to: now) > .milliseconds(300) {
                return
            }
            usleep(1000)
        }
    }

    /// - Returns: Whether there is a thread.
    private func startThread() -> Bool {
        guard !hasThread else { return true }
        hasThread = true
        let thread = Thread { [self] in while true { writePending() } }
        thread.name = "talkback log"
        thread.stackSize = 1 << 18
        thread.start()
        return true
    }

    // MARK: The thread

    private func writePending() {
        condition.lock()
        while pending.isEmpty {
            isIdle = true
            condition.broadcast()
            condition.wait()
        }
        isIdle = false
        var taken = Pending()
        swap(&taken, &pending)
        let notice = notice
        condition.unlock()
        for line in taken.lines {
            let dropped = output.write(line, notice)
            condition.withLock {
                droppedTotal += dropped
                doneCount += 1
                condition.broadcast()
            }
        }
        if taken.dropped > 0 { output.report(taken.dropped, notice) }
    }
}

/// What writes to a descriptor, and remembers what it could not write.
private struct LogOutput {
    private let descriptor: FileDescriptor
    /// Lines that were dropped, of which nothing was said yet.
    private var unreported = 0
    /// Whether the last line was not written to its end.
    private var isWithinLine = false

    init(_ descriptor: FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Writes a line, behind the count of those that were dropped before it.
    ///
    /// - Returns: How many lines were dropped: none or this one.
    mutating func write(_ line: String, _ notice: (Int) -> String) -> Int {
        if reportDropped(notice), writeAll(line) { return 0 }
        unreported += 1
        return 1
    }

    /// Writes how many lines were dropped, now or when the next is written.
    mutating func report(_ count: Int, _ notice: (Int) -> String) {
        unreported += count
        _ = reportDropped(notice)
    }

    /// - Returns: Whether nothing is left to report.
    private mutating func reportDropped(_ notice: (Int) -> String) -> Bool {
        guard unreported > 0 else { return true }
        guard writeAll(notice(unreported)) else { return false }
        unreported = 0
        return true
    }

    /// - Returns: Whether all of it was written.
    private mutating func writeAll(_ text: String) -> Bool {
        // A line that the full disk has cut off stays a line.
        let bytes = Array((isWithinLine ? "\n" + text : text).utf8)
        let count = StandardStreams.write(asMuchAsPossibleOf: bytes.span, to: descriptor)
        if count > 0 { isWithinLine = count < bytes.count }
        return count == bytes.count
    }
}
