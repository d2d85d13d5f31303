// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import Synchronization
import SystemPackage
import Testing

/// A stream that gives what it was made with, in pieces of given sizes, and keeps what is sent.
private final class MadeUpStream: ByteStream {
    private let pieces: Mutex<[[UInt8]]>

    init(_ pieces: [[UInt8]]) {
        self.pieces = Mutex(pieces)
    }

    /// All bytes, cut in two at a place.
    convenience init(_ text: String, cutAt place: Int) {
        let bytes = Array(text.utf8)
        self.init([Array(bytes[..<place]), Array(bytes[place...])].filter { !$0.isEmpty })
    }

    /// One byte at a time.
    convenience init(_ text: String) {
        self.init(text.utf8.map { [$0] })
    }

    func receive(into bytes: inout [UInt8], upTo limit: Int, timeout: Duration?) async throws(SocketError) -> Int {
        let piece = pieces.withLock { pieces -> [UInt8] in
            guard let first = pieces.first else { return [] }
            pieces[0] = Array(first.dropFirst(limit))
            if pieces[0].isEmpty { pieces.removeFirst() }
            return Array(first.prefix(limit))
        }
        if piece == [0xFF] { throw SocketError(.receive, .system(.timedOut)) }
        bytes += piece
        return piece.count
    }

    func receive(into buffer: inout OutputRawSpan, timeout: Duration?) async throws(SocketError) -> Int {
        var bytes: [UInt8] = []
        _ = try await receive(into: &bytes, upTo: buffer.freeCapacity, timeout: timeout)
        for byte in bytes { buffer.append(byte) }
        return bytes.count
    }

    func send(_ bytes: RawSpan, timeout: Duration?) async throws(SocketError) {}
    func finishSending() throws(SocketError) {}
    func close() {}
}

@Suite
struct BufferedReaderTests {
    private static let text = "put 1 2\r\n\r\nbody\r\nrest"

    private func read(_ stream: MadeUpStream, capacity: Int) async throws {
        var reader = BufferedReader(stream, capacity: capacity)
        #expect(try await reader.receive(until: "\r\n", limit: 10) == Array("put 1 2".utf8))
        #expect(try await reader.receive(until: "\r\n", limit: 10) == [])
        #expect(try await reader.receive(exactly: 6) == Array("body\r\n".utf8))
        #expect(try await reader.receive(exactly: 0) == [])
        var rest: [UInt8] = []
        while true {
            let piece = try await reader.receive(upTo: 3)
            if piece.isEmpty { break }
            rest += piece
        }
        #expect(rest == Array("rest".utf8))
        #expect(try await reader.receive(until: "\r\n", limit: 10) == nil)
    }

    @Test func piecesAreTheSameWhereverTheStreamIsCut() async throws {
        for capacity in [1, 2, 3, 5, 8192] {
            for place in 0...Self.text.utf8.count {
                try await read(MadeUpStream(Self.text, cutAt: place), capacity: capacity)
            }
            try await read(MadeUpStream(Self.text), capacity: capacity)
        }
    }

    @Test func limitIsExactAndKeepsWhatCame() async throws {
        for cut in 0...6 {
            var reader = BufferedReader(MadeUpStream("abcd\nx", cutAt: cut))
            #expect(try await reader.receive(until: "\n", limit: 4) == Array("abcd".utf8))
            var short = BufferedReader(MadeUpStream("abcd\nx", cutAt: cut))
            var error: SocketError?
            do throws(SocketError) {
                _ = try await short.receive(until: "\n", limit: 3)
            } catch let caught {
                error = caught
            }
            #expect(error?.reason == .limitExceeded(limit: 3))
            #expect(try await short.receive(exactly: 6) == Array("abcd\nx".utf8))
        }
    }

    @Test func streamThatEndsTooEarlySaysSo() async throws {
        var reader = BufferedReader(MadeUpStream("abc"))
        var reasons: [SocketError.Reason] = []
        do throws(SocketError) { _ = try await reader.receive(exactly: 4) } catch { reasons.append(error.reason) }
        do throws(SocketError) { _ = try await reader.receive(until: "\n", limit: 9) } catch {
            reasons.append(error.reason)
        }
        #expect(reasons == [.endOfStream, .endOfStream])
        let left = reader.takeBuffered()
        #expect(left == Array("abc".utf8))
    }

    @Test func callThatFailedCanBeMadeAgain() async throws {
        var reader = BufferedReader(MadeUpStream([Array("ab".utf8), [0xFF], Array("cd\n".utf8)]))
        var error: SocketError?
        do throws(SocketError) { _ = try await reader.receive(until: "\n", limit: 9) } catch let caught {
            error = caught
        }
        #expect(error?.errno == .timedOut)
        #expect(try await reader.receive(until: "\n", limit: 9) == Array("abcd".utf8))
    }

    @Test func linesEndAsLinesDo() async throws {
        var lines: [String] = []
        for try await line in MadeUpStream("one\r\ntwo\n\nlast").lines() { lines.append(line) }
        #expect(lines == ["one", "two", "", "last"])
    }

    /// What a line is when at most five bytes may be in one; `nil` if that is too much.
    private static let lines: [(text: String, line: String?)] = [
        ("hello\n", "hello"), ("hello\r\n", "hello"), ("hell\r\n", "hell"), ("hello", "hello"), ("hell\r", "hell\r"),
        ("\n", ""), ("\r\n", ""), ("\r", "\r"), ("a\rb\n", "a\rb"), ("hell\r\r\n", "hell\r"),
        ("hello!\n", nil), ("hello!\r\n", nil), ("hello\r", nil), ("hello\rx\n", nil), ("hello\r\r\n", nil),
        ("hello!", nil),
    ]

    @Test(arguments: lines)
    func limitOfALineIsAboutTheLine(text: String, line: String?) async throws {
        for capacity in [1, 2, 8192] {
            let cuts = (0...text.utf8.count).map { MadeUpStream(text, cutAt: $0) }
            for stream in cuts + [MadeUpStream(text)] {
                var reader = BufferedReader(stream, capacity: capacity)
                do throws(SocketError) {
                    let found = try await reader.receiveLine(limit: 5)
                    #expect(found == line.map { Array($0.utf8) })
                    let end = try await reader.receiveLine(limit: 5)
                    #expect(end == nil)
                } catch {
                    #expect(line == nil)
                    #expect(error.reason == .limitExceeded(limit: 5))
                    // Nothing of it is lost.
                    let bytes = try await reader.receive(exactly: text.utf8.count)
                    #expect(bytes == Array(text.utf8))
                }
            }
        }
    }

    @Test func lineIsRefusedAsSoonAsItIsTooLong() async throws {
        // The stream that would go on gives an error if it is asked to.
        for text in ["hello!", "hello\rx"] {
            var reader = BufferedReader(MadeUpStream(text.utf8.map { [$0] } + [[0xFF]]))
            var reason: SocketError.Reason?
            do throws(SocketError) { _ = try await reader.receiveLine(limit: 5) } catch { reason = error.reason }
            #expect(reason == .limitExceeded(limit: 5))
        }
    }

    @Test func delimiterThatBeginsTwiceIsFound() async throws {
        for cut in 0...7 {
            var reader = BufferedReader(MadeUpStream("xaaabyz", cutAt: cut), capacity: 1)
            #expect(try await reader.receive(until: "aab", limit: 9) == Array("xa".utf8))
            #expect(try await reader.receive(exactly: 2) == Array("yz".utf8))
        }
    }
}
