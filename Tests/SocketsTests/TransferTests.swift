// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct TransferTests {
    @Test func spansOfBothKindsAreSentAndAppendedTo() throws {
        let pair = try Socket.pair()
        let message: [UInt8] = [1, 2, 3]
        #expect(try pair.first.send(message.span) == 3)
        // SAFETY: the array lives longer than the call.
        #expect(try pair.first.send(unsafe message.span.bytes) == 3)
        var received = [UInt8](capacity: 8) { $0.append(9) }
        try received.append(addingCapacity: 3) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            _ = try pair.second.receive(into: &buffer)
        }
        #expect(received == [9, 1, 2, 3])

        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 5, alignment: 1)
        defer { unsafe memory.deallocate() }
        // SAFETY: the memory outlives the span and is not used otherwise.
        var span = unsafe OutputRawSpan(buffer: memory, initializedCount: 0)
        span.append(7)
        let count = try pair.second.receive(into: &span)
        #expect(count == 3)
        let bytes = unsafe Array(memory.prefix(4))
        #expect(bytes == [7, 1, 2, 3])
        let length = span.byteCount
        #expect(length == 4)
    }

    @Test func aStreamGivesWhatFitsAndKeepsTheRest() throws {
        let pair = try Socket.pair()
        _ = try pair.first.send("abcdef")
        #expect(try pair.second.receive(upTo: 4) == Array("abcd".utf8))
        #expect(try pair.second.receive(upTo: 4) == Array("ef".utf8))
        try pair.first.shutdown(.sending)
        #expect(try pair.second.receive(upTo: 4).isEmpty)
    }

    @Test func peekingLeavesWhatItSees() throws {
        let pair = try Socket.pair()
        _ = try pair.first.send("abc")
        #expect(try pair.second.receive(upTo: 10, flags: .peek) == Array("abc".utf8))
        #expect(try pair.second.receive(upTo: 10) == Array("abc".utf8))
    }

    @Test func waitingForAllFillsTheBufferUnlessTheStreamEnds() throws {
        let pair = try Socket.pair()
        let peer = pair.second
        let descriptor = pair.first.release()
        let thread = TestThread {
            let sender = Socket(adopting: descriptor)
            for text in ["ab", "cd", "ef"] { try? sender.sendAll(text) }
        }
        #expect(try peer.receive(upTo: 4, flags: .waitForAll) == Array("abcd".utf8))
        #expect(try peer.receive(upTo: 4, flags: .waitForAll) == Array("ef".utf8))
        thread.join()
    }

    @Test func urgentByteIsReceivedOutOfBand() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Socket.connect(to: server.localAddress)
        let accepted = try server.accept()
        _ = try client.send("a")
        _ = try client.send("!", flags: .outOfBand)
        let events = try accepted.wait(for: .priority, timeout: nil)
        #expect(events.contains(.priority))
        #expect(try accepted.receive(upTo: 1, flags: .outOfBand) == Array("!".utf8))
        #expect(try accepted.receive(upTo: 10) == Array("a".utf8))
    }

    @Test func tryingNeverWaitsThoughTheSocketBlocks() throws {
        let pair = try Socket.pair()
        #expect(try pair.second.blockingMode == .blocking)
        #expect(try pair.second.tryReceive(upTo: 10) == nil)
        let piece = [UInt8](repeating: 0, count: 65_536)
        while try pair.first.trySend(piece.span) != nil {}
        _ = try pair.second.receive(upTo: 65_536)
        #expect(try pair.second.tryReceive(upTo: 10)?.count == 10)
    }

    @Test func receiveOnANonBlockingSocketSaysThatItWouldBlock() throws {
        let pair = try Socket.pair(mode: .nonBlocking)
        let error = #expect(throws: SocketError.self) { _ = try pair.first.receive(upTo: 1) }
        #expect(error?.isWouldBlock == true)
        #expect(error?.operation == .receive)
    }

    @Test func receiveTimeoutSaysThatItWouldBlock() throws {
        let pair = try Socket.pair()
        try pair.first.set(.receiveTimeout, to: .milliseconds(20))
        let begin = ContinuousClock.now
        let error = #expect(throws: SocketError.self) { _ = try pair.first.receive(upTo: 1) }
        #expect(error?.isWouldBlock == true)
        #expect(ContinuousClock.now - begin >= .milliseconds(20))
    }

    @Test(arguments: [BlockingMode.blocking, .nonBlocking])
    func everythingIsSentToASlowReader(mode: BlockingMode) throws {
        let pair = try Socket.pair(mode: mode)
        let sender = pair.first
        let descriptor = pair.second.release()
        let sum = Shared<[UInt8]>()
        let thread = TestThread {
            let reader = Socket(adopting: descriptor)
            var bytes: [UInt8] = []
            do throws(SocketError) {
                try reader.setBlockingMode(.blocking)
                while true {
                    let piece = try reader.receive(upTo: 5000)
                    if piece.isEmpty { break }
                    bytes += piece
                }
            } catch {}
            sum.set(bytes)
        }
        let message = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try sender.sendAll(message, timeout: .seconds(50))
        try sender.close()
        thread.join()
        #expect(sum.get() == message)
    }

    @Test func sendingAllGivesUpWhenNobodyReads() throws {
        let pair = try Socket.pair()
        let begin = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try pair.first.sendAll([UInt8](repeating: 0, count: 64 << 20), timeout: .milliseconds(50))
        }
        #expect(error?.description == "send: Connection timed out (ETIMEDOUT)")
        #expect(ContinuousClock.now - begin >= .milliseconds(50))
    }

    @Test func sendingAllOfNothingReturns() throws {
        let pair = try Socket.pair()
        try pair.first.sendAll("", timeout: .zero)
        #expect(try pair.second.tryReceive(upTo: 1) == nil)
    }

    @Test func negativeSizesAndTimesAreRefused() throws {
        let pair = try Socket.pair()
        for error in [
            #expect(throws: SocketError.self) { _ = try pair.first.receive(upTo: -1) },
            #expect(throws: SocketError.self) { _ = try pair.first.tryReceive(upTo: -1) },
            #expect(throws: SocketError.self) { try pair.first.sendAll("x", timeout: .seconds(-1)) },
        ] {
            #expect(error?.reason == .invalid(.negative))
        }
    }

    @Test func aPeerThatResetIsAnError() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Socket.connect(to: server.localAddress)
        let accepted = try server.accept()
        try accepted.set(.linger, to: .reset)
        try accepted.close()
        let error = #expect(throws: SocketError.self) { _ = try client.receive(upTo: 1) }
        #expect(error?.description == "receive: Connection reset by peer (ECONNRESET)")
    }

    @Test func eachHalfIsShutDownByItself() throws {
        let pair = try Socket.pair()
        try pair.first.shutdown(.sending)
        #expect(try pair.second.receive(upTo: 1).isEmpty)
        let broken = #expect(throws: SocketError.self) { _ = try pair.first.send("x") }
        #expect(broken?.errno == .brokenPipe)
        _ = try pair.second.send("still open")
        #expect(try pair.first.receive(upTo: 100) == Array("still open".utf8))
        try pair.first.shutdown(.receiving)
        #expect(try pair.first.receive(upTo: 1).isEmpty)
        try pair.first.shutdown(.both)

        let unconnected = try Socket(.ipv4, .stream)
        let error = #expect(throws: SocketError.self) { try unconnected.shutdown(.both) }
        #expect(error?.errno == .socketNotConnected)
    }
}
