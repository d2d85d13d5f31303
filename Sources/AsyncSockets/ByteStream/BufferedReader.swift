// SPDX-License-Identifier: Apache-2.0

public import Sockets

/// Reads a stream in the pieces that a protocol is made of: so many bytes, up to a delimiter, line by line.
///
/// ```swift
/// var reader = BufferedReader(connection)
/// guard let command = try await reader.receive(until: "\r\n", limit: 224) else { return }
/// let body = try await reader.receive(exactly: length)
/// ```
///
/// What a call has received and not returned stays for the next one; also what it had when it threw, so that a call
/// whose time was over can be made again and loses nothing.
public struct BufferedReader<Stream: ByteStream>: ~Copyable {
    /// The stream that is read.
    public let stream: Stream
    private let capacity: Int
    private var buffer: [UInt8] = []
    /// Where in the buffer what was not yet returned begins.
    private var start = 0
    /// How much of that is known not to contain the delimiter last looked for, so that it is not searched again.
    private var searched = 0

    /// A reader of a stream.
    ///
    /// - Parameters:
    ///   - stream: The stream. While there is a reader, nothing else may receive from it.
    ///   - capacity: How many bytes to ask the stream for at a time: 1 to 1,048,576, and the nearest of these
    ///     otherwise.
    public init(_ stream: Stream, capacity: Int = 8192) {
        self.stream = stream
        self.capacity = min(max(1, capacity), 1 << 20)
    }

    /// The number of bytes that were received and not yet returned.
    public var bufferedCount: Int { buffer.count - start }

    /// Takes the bytes that were received and not yet returned: the beginning of something that is read otherwise.
    public mutating func takeBuffered() -> [UInt8] {
        take(bufferedCount)
    }

    /// Receives at most so many bytes, as soon as there are any.
    ///
    /// - Returns: The bytes; none at the end of the stream.
    /// - Throws: `SocketError` of the stream; a negative limit is refused.
    public mutating func receive(upTo limit: Int, timeout: Duration? = nil) async throws(SocketError) -> [UInt8] {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        if bufferedCount == 0, limit > 0 { _ = try await fill(capacity, timeout) }
        return take(min(limit, bufferedCount))
    }

    /// Receives so many bytes.
    ///
    /// - Parameters:
    ///   - count: How many, 0 or more. Memory is taken as they arrive.
    ///   - timeout: How long to wait for each piece of them; `nil` for ever.
    /// - Throws: `SocketError` of the stream, or with `SocketError.Reason.endOfStream` if it ends before that.
    public mutating func receive(exactly count: Int, timeout: Duration? = nil) async throws(SocketError) -> [UInt8] {
        guard count >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        while bufferedCount < count {
            let isEnd = try await fill(min(max(capacity, count - bufferedCount), 65_536), timeout) == 0
            if isEnd { throw SocketError(.receive, .endOfStream) }
        }
        return take(count)
    }

    /// Receives up to a delimiter, which is taken away.
    ///
    /// - Parameters:
    ///   - delimiter: What ends the piece; at least one byte.
    ///   - limit: The most bytes accepted before the delimiter, 0 or more.
    ///   - timeout: How long to wait for each part of it; `nil` for ever.
    /// - Returns: The bytes before the delimiter; `nil` if the stream ends where a piece would begin.
    /// - Throws: `SocketError` of the stream, with `SocketError.Reason.endOfStream` if it ends within a piece, or with
    ///   `SocketError.Reason.limitExceeded(limit:)` if the delimiter does not come in time. What was received can
    ///   still be taken.
    public mutating func receive(
        until delimiter: [UInt8], limit: Int, timeout: Duration? = nil
    ) async throws(SocketError) -> [UInt8]? {
        guard !delimiter.isEmpty, limit >= 0 else { throw SocketError(.receive, .invalid(.outOfRange)) }
        searched = 0
        while true {
            if let place = find(delimiter), place <= limit {
                let piece = take(place)
                start += delimiter.count
                return piece
            }
            if bufferedCount - delimiter.count >= limit {
                throw SocketError(.receive, .limitExceeded(limit: limit))
            }
            if try await fill(capacity, timeout) == 0 {
                if bufferedCount == 0 { return nil }
                throw SocketError(.receive, .endOfStream)
            }
        }
    }

    /// Receives up to a delimiter, as ``receive(until:limit:timeout:)-([UInt8],_,_)``.
    public mutating func receive(
        until delimiter: String, limit: Int, timeout: Duration? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try await receive(until: Array(delimiter.utf8), limit: limit, timeout: timeout)
    }

    /// Receives a line: up to a line feed, which is taken away with a carriage return before it. The last line of a
    /// stream need not have one.
    ///
    /// - Parameters:
    ///   - limit: The most bytes accepted in a line, without its end: a line of so many bytes is accepted with either
    ///     end.
    ///   - timeout: How long to wait for each part of it; `nil` for ever.
    /// - Returns: The line; `nil` at the end of the stream.
    /// - Throws: `SocketError` of the stream, or with `SocketError.Reason.limitExceeded(limit:)`, as soon as there is a
    ///   byte too many. What was received can still be taken.
    public mutating func receiveLine(limit: Int, timeout: Duration? = nil) async throws(SocketError) -> [UInt8]? {
        guard limit >= 0 else { throw SocketError(.receive, .invalid(.negative)) }
        searched = 0
        while true {
            if let end = findLineFeed() {
                let hasReturn = end > 0 && buffer[start + end - 1] == 0x0D
                let length = hasReturn ? end - 1 : end
                guard length <= limit else { throw SocketError(.receive, .limitExceeded(limit: limit)) }
                let line = take(length)
                start += hasReturn ? 2 : 1
                return line
            }
            // A carriage return after the last byte allowed may be half of the line's end.
            let mayEnd = bufferedCount - 1 == limit && buffer[buffer.count - 1] == 0x0D
            if bufferedCount > limit, !mayEnd { throw SocketError(.receive, .limitExceeded(limit: limit)) }
            if try await fill(capacity, timeout) == 0 {
                if bufferedCount == 0 { return nil }
                // Nothing follows: it is a byte of the line.
                if bufferedCount > limit { throw SocketError(.receive, .limitExceeded(limit: limit)) }
                return takeBuffered()
            }
        }
    }

    // MARK: The buffer

    /// Receives once.
    ///
    /// - Returns: How many bytes; 0 at the end of the stream.
    private mutating func fill(_ count: Int, _ timeout: Duration?) async throws(SocketError) -> Int {
        if start > 0 {
            // What is left is moved to the front once it is the smaller part, so that no byte is moved often.
            if start == buffer.count {
                // The memory of a long piece is not kept for the reader's life.
                buffer.removeAll(keepingCapacity: buffer.capacity <= 4 * max(capacity, 4096))
                start = 0
            } else if start >= buffer.count - start {
                buffer.removeFirst(start)
                start = 0
            }
        }
        return try await stream.receive(into: &buffer, upTo: count, timeout: timeout)
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        let piece = Array(buffer[start..<start + count])
        start += count
        return piece
    }

    /// Where the line feed is, counted from what was not yet returned.
    private mutating func findLineFeed() -> Int? {
        if let place = buffer[(start + searched)...].firstIndex(of: 0x0A) { return place - start }
        searched = bufferedCount
        return nil
    }

    /// Where the delimiter begins, counted from what was not yet returned.
    private mutating func find(_ delimiter: [UInt8]) -> Int? {
        let unread = buffer[start...]
        var place = start + searched
        while place + delimiter.count <= unread.endIndex {
            guard let candidate = unread[place...].firstIndex(of: delimiter[0]) else {
                place = unread.endIndex
                break
            }
            place = candidate
            guard candidate + delimiter.count <= unread.endIndex else { break }
            if unread[candidate..<candidate + delimiter.count].elementsEqual(delimiter) { return candidate - start }
            place += 1
        }
        searched = place - start
        return nil
    }
}
