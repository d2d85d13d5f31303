// SPDX-License-Identifier: Apache-2.0

import Sockets
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct IOVectorTests {
    /// A list of contents and capacities that is obviously right.
    private struct Model {
        var buffers: [(contents: [UInt8], capacity: Int)] = []

        mutating func removeFirst(_ count: Int) {
            var left = count
            while left > 0, let first = buffers.first {
                if first.contents.count > left {
                    buffers[0] = (Array(first.contents.dropFirst(left)), first.capacity - left)
                    return
                }
                left -= first.contents.count
                buffers.removeFirst()
            }
            if count > 0 { buffers.removeFirst(buffers.prefix { $0.contents.isEmpty }.count) }
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func behavesAsAListOfArrays(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var vector = IOVector()
        var model = Model()
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                try vector.append(bytes)
                model.buffers.append((bytes, bytes.count))
            case 1:
                try vector.append(capacity: bytes.count)
                model.buffers.append(([], bytes.count))
            case 2 where !vector.isEmpty:
                let index = Int.random(in: 0..<vector.count, using: &random)
                try vector.replace(at: index, with: bytes)
                model.buffers[index] = (bytes, bytes.count)
            case 3 where !vector.isEmpty:
                let index = Int.random(in: 0..<vector.count, using: &random)
                #expect(try vector.remove(at: index) == model.buffers.remove(at: index).contents)
            case 4:
                let count = Int.random(in: -1...vector.byteCount + 1, using: &random)
                vector.removeFirst(count)
                model.removeFirst(count)
            default: break
            }
            #expect(vector.count == model.buffers.count)
            #expect(vector.byteCount == model.buffers.reduce(0) { $0 + $1.contents.count })
            #expect(vector.capacity == model.buffers.reduce(0) { $0 + $1.capacity })
            #expect(try vector.indices.map { try vector[$0] } == model.buffers.map(\.contents))
            #expect(try vector.indices.map { try vector.capacity(at: $0) } == model.buffers.map(\.capacity))
        }
    }

    @Test func limitsAreRefused() throws {
        var vector = try IOVector(capacities: [Int](repeating: 1, count: IOVector.maximumCount))
        let full = #expect(throws: SocketError.self) { try vector.append([1]) }
        #expect(full?.description == "vector: more than 1024 buffers")
        #expect(throws: SocketError.self) { try vector.append(capacity: 1) }
        let negative = #expect(throws: SocketError.self) { _ = try IOVector(capacities: [1, -1]) }
        #expect(negative?.reason == .invalid(.negative))
    }

    @Test func scatteringFillsInOrderAndLeavesTheRestEmpty() throws {
        let pair = try Socket.pair()
        _ = try pair.first.send("0123456789")
        var vector = try IOVector(capacities: [4, 4, 4, 4])
        try vector.replace(at: 3, with: Array("old".utf8))
        #expect(try pair.second.receive(into: &vector) == 10)
        #expect(try vector.indices.map { try vector[$0] } == ["0123", "4567", "89", ""].map { Array($0.utf8) })
        #expect(try vector.capacity(at: 2) == 4)
        try pair.first.shutdown(.sending)
        #expect(try pair.second.receive(into: &vector) == 0)
        #expect(vector.byteCount == 0)
    }

    @Test func failedReceiveLeavesTheContents() throws {
        let pair = try Socket.pair(mode: .nonBlocking)
        var vector = IOVector()
        try vector.append([1, 2, 3])
        #expect(throws: SocketError.self) { _ = try pair.first.receive(into: &vector) }
        #expect(try vector[0] == [1, 2, 3])
    }

    @Test func gatheringSendsTheContentsOfAll() throws {
        let pair = try Socket.pair(.datagram)
        var vector = IOVector()
        try vector.append(Array("one ".utf8))
        try vector.append(capacity: 100)
        try vector.append(Array("two".utf8))
        #expect(try pair.first.send(vector) == 7)
        #expect(try pair.second.receive(upTo: 100) == Array("one two".utf8))
    }

    @Test func shortSendsGoOnWhereTheyStopped() throws {
        let pair = try Socket.pair(mode: .nonBlocking)
        var vector = IOVector()
        var expected: [UInt8] = []
        for number in 0..<1000 {
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 2000 + number)
            try vector.append(bytes)
            expected += bytes
        }
        var received: [UInt8] = []
        while vector.byteCount > 0 {
            do throws(SocketError) {
                vector.removeFirst(try pair.first.send(vector))
            } catch {
                #expect(error.isWouldBlock)
                received += try pair.second.receive(upTo: 100_000)
            }
        }
        try pair.first.shutdown(.sending)
        while case let bytes = try pair.second.receive(upTo: 100_000), !bytes.isEmpty { received += bytes }
        #expect(received == expected)
    }

    @Test func spansAreGatheredAndScattered() throws {
        let pair = try Socket.pair()
        let first: [UInt8] = [1, 2, 3]
        let second: [UInt8] = [4, 5]
        // SAFETY: the arrays live longer than the calls.
        #expect(try pair.first.send(gathering: unsafe first.span.bytes, unsafe second.span.bytes) == 5)
        #expect(try pair.first.trySend(gathering: unsafe first.span.bytes, unsafe second.span.bytes) == 5)

        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 1)
        defer { unsafe memory.deallocate() }
        // SAFETY: each span has a part of the memory, which outlives them and is not used otherwise.
        var one = unsafe OutputRawSpan(buffer: .init(rebasing: memory[0..<4]), initializedCount: 0)
        var two = unsafe OutputRawSpan(buffer: .init(rebasing: memory[10..<20]), initializedCount: 0)
        two.append(0)
        let count = try pair.second.receive(scatteringInto: &one, &two)
        #expect(count == 10)
        let lengths = [one.byteCount, two.byteCount]
        #expect(lengths == [4, 7])
        let bytes = unsafe Array(memory[0..<4]) + Array(memory[10..<17])
        #expect(bytes == [1, 2, 3, 4, 0, 5, 1, 2, 3, 4, 5])
    }
}
