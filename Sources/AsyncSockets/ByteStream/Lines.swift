// SPDX-License-Identifier: Apache-2.0

public import Sockets

/// The lines of a stream, one after another, as text.
///
/// A line ends with a line feed, with or without a carriage return before it; the last one need not. What is not UTF-8
/// is repaired.
public struct Lines<Stream: ByteStream>: AsyncSequence, Sendable {
    private let stream: Stream
    private let limit: Int
    private let timeout: Duration?

    init(_ stream: Stream, limit: Int, timeout: Duration?) {
        self.stream = stream
        self.limit = limit
        self.timeout = timeout
    }

    /// Reads the lines.
    public final class AsyncIterator: AsyncIteratorProtocol {
        private var reader: BufferedReader<Stream>
        private let limit: Int
        private let timeout: Duration?

        init(_ stream: Stream, limit: Int, timeout: Duration?) {
            reader = BufferedReader(stream)
            self.limit = limit
            self.timeout = timeout
        }

        /// The next line; `nil` at the end of the stream.
        public func next() async throws(SocketError) -> String? {
            try await reader.receiveLine(limit: limit, timeout: timeout).map { String(decoding: $0, as: UTF8.self) }
        }

        /// The next line; `nil` at the end of the stream.
        public func next(isolation actor: isolated (any Actor)?) async throws(SocketError) -> String? {
            try await reader.receiveLine(limit: limit, timeout: timeout).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Begins to read. Only one iteration makes sense: what one has buffered, another does not see.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(stream, limit: limit, timeout: timeout)
    }
}

extension ByteStream {
    /// The lines of the stream, one after another, as text.
    ///
    /// ```swift
    /// for try await line in connection.lines() { print(line) }
    /// ```
    ///
    /// - Parameters:
    ///   - limit: The most bytes accepted in a line, without its end; 0 or more.
    ///   - timeout: How long to wait for each part of a line; `nil` for ever.
    public func lines(limit: Int = 65_536, timeout: Duration? = nil) -> Lines<Self> {
        Lines(self, limit: limit, timeout: timeout)
    }
}
