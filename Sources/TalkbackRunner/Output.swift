// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import CRunner
internal import Glibc
internal import Sockets
internal import SystemPackage

/// What a command writes into one of its descriptors: a pipe, of which this program has the other end.
final class Output: @unchecked Sendable {
    // `@unchecked`: only code that is isolated to the runner uses it.

    /// What is made of it.
    enum Use {
        /// The first bytes are kept, and of those behind them the last ones.
        case both(first: Int, last: Int)
        /// The last bytes are kept, so many.
        case last(Int)
        /// The last whole line of what has come is given away; of one of more than so many bytes the first ones.
        case lastLine(limit: Int, ([UInt8]) -> Void)
    }

    private let use: Use
    private let reading: FileDescriptor
    /// The command's end, until it has it.
    let writing: FileDescriptor
    private(set) var bytes: [UInt8] = []
    /// How many there were.
    private(set) var count = 0
    /// The last ones of those that ``bytes`` has no room for.
    private var rest: [UInt8] = []

    init(_ use: Use) throws(Errno) {
        self.use = use
        (reading, writing) = try OutputPipe.make()
    }

    deinit {
        try? reading.close()
    }

    /// Takes what comes until there is nothing more to come, or the task is cancelled.
    func read(on loop: EventLoop) async {
        while take(), !Task.isCancelled {
            // Without the loop there is still the clock.
            if (try? await loop.wait(for: .readable, on: reading)) == nil {
                _ = try? await loop.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Takes what is there and does not block.
    ///
    /// - Returns: Whether there may be more later.
    func take() -> Bool {
        // Somebody who writes without end is not to keep everybody else from the loop.
        for _ in 0..<16 {
            switch takePiece() {
            case .some(0): return false
            case .some: continue
            case nil: return true
            }
        }
        return true
    }

    /// Takes what is left of a command that has ended, and no more than fits into the pipe: somebody else may go on
    /// writing.
    func takeRest() {
        var left = max(1 << 16, Int(crunner_pipe_size(reading.rawValue)))
        while left > 0, let count = takePiece(), count > 0 { left -= count }
        if case .lastLine(_, let body) = use, !bytes.isEmpty { body(bytes) }
    }

    /// - Returns: How many bytes there were, 0 at the end; `nil` if there are none now.
    private func takePiece() -> Int? {
        while true {
            var count = 0
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 14) { buffer, initialized in
                // SAFETY: read writes at most as many bytes as there is room for.
                count = unsafe Glibc.read(reading.rawValue, buffer.baseAddress, buffer.count)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0 { return errno == EAGAIN ? nil : 0 }
            add(piece)
            return count
        }
    }

    /// The last bytes, at most so many.
    func end(_ limit: Int) -> [UInt8] {
        rest.count < limit ? bytes.suffix(limit - rest.count) + rest : Array(rest.suffix(limit))
    }

    private static func add(_ piece: ArraySlice<UInt8>, to bytes: inout [UInt8], limit: Int) {
        bytes += piece
        if bytes.count > limit { bytes.removeFirst(bytes.count - limit) }
    }

    private func add(_ piece: [UInt8]) {
        count += piece.count
        switch use {
        case .both(let first, let last):
            let room = max(0, first - bytes.count)
            bytes += piece.prefix(room)
            Self.add(piece.dropFirst(room), to: &rest, limit: last)
        case .last(let limit): Self.add(piece[...], to: &bytes, limit: limit)
        case .lastLine(let limit, let body):
            let lineFeed = UInt8(ascii: "\n")
            guard let end = piece.lastIndex(of: lineFeed) else {
                bytes += piece.prefix(limit - bytes.count)
                return
            }
            if let start = piece[..<end].lastIndex(of: lineFeed) {
                body(Array(piece[(start + 1)..<end].prefix(limit)))
            } else {
                body(bytes + piece[..<end].prefix(limit - bytes.count))
            }
            bytes = Array(piece[(end + 1)...].prefix(limit))
        }
    }
}
