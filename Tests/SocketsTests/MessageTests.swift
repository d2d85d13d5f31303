// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct MessageTests {
    /// A pipe whose writing end is to be passed on.
    private func pipe() throws -> (reading: FileDescriptor, writing: FileDescriptor) {
        let ends = try FileDescriptor.pipe()
        return (ends.readEnd, ends.writeEnd)
    }

    @Test func descriptorsArriveInOrderAndWork() throws {
        let pair = try Socket.pair()
        let ends = try pipe()
        let passed = try Socket.pair()
        #expect(
            try pair.first.sendMessage(
                [1, 2], descriptors: [ends.writing, passed.first.withDescriptor { $0 }]) == 2)
        try ends.writing.close()

        var vector = try IOVector(capacities: [10])
        var message = try pair.second.receiveMessage(into: &vector, control: .descriptors(upTo: 2))
        #expect(message.byteCount == 2)
        #expect(try vector[0] == [1, 2])
        #expect(message.flags.isEmpty)
        let count = message.descriptors.count
        #expect(count == 2)

        guard let writing = message.descriptors.takeFirst(), let socket = message.descriptors.takeFirst() else {
            Issue.record("two descriptors were sent")
            return
        }
        #expect(writing.withDescriptor { fcntl($0.rawValue, F_GETFD) } & FD_CLOEXEC != 0)
        _ = try writing.withDescriptor { try $0.writeAll(Array("pipe".utf8)) }
        var bytes = [UInt8](repeating: 0, count: 10)
        let read = try unsafe bytes.withUnsafeMutableBytes { try unsafe ends.reading.read(into: $0) }
        #expect(bytes.prefix(read) == Array("pipe".utf8)[...])
        try ends.reading.close()

        let received = Socket(adopting: socket.release())
        _ = try received.send("socket")
        #expect(try passed.second.receive(upTo: 10) == Array("socket".utf8))
        let none = message.descriptors.takeFirst() == nil
        #expect(none)
    }

    @Test func descriptorsThatNobodyTakesAreClosed() throws {
        let pair = try Socket.pair()
        let ends = try pipe()
        _ = try pair.first.sendMessage([0], descriptors: [ends.writing, ends.writing])
        try ends.writing.close()
        do {
            var vector = try IOVector(capacities: [1])
            var message = try pair.second.receiveMessage(into: &vector, control: .descriptors(upTo: 2))
            let taken = message.descriptors.takeFirst()
            let isTaken = taken != nil
            #expect(isTaken)
        }
        // The end of the pipe shows that no writing end is open any more.
        #expect(try atEnd(ends.reading))
        try ends.reading.close()
    }

    private func atEnd(_ descriptor: FileDescriptor) throws -> Bool {
        var entries = [PollEntry(descriptor, .readable)]
        try Socket.poll(&entries, timeout: .zero)
        return entries[0].returnedEvents.contains(.hangUp)
    }

    @Test(arguments: [0, 1, 2])
    func surplusDescriptorsAreClosedAndReported(limit: Int) throws {
        let pair = try Socket.pair()
        let ends = try pipe()
        _ = try pair.first.sendMessage([0], descriptors: [ends.writing, ends.writing, ends.writing])
        try ends.writing.close()
        var vector = try IOVector(capacities: [1])
        var message = try pair.second.receiveMessage(into: &vector, control: .descriptors(upTo: limit))
        let count = message.descriptors.count
        #expect(count == limit)
        #expect(message.flags.contains(.controlTruncated))
        for _ in 0..<limit {
            let open = try atEnd(ends.reading)
            #expect(!open)
            let taken = message.descriptors.takeFirst()
            try taken?.release().close()
        }
        #expect(try atEnd(ends.reading))
        try ends.reading.close()
    }

    @Test func receivingWithoutRoomLeaksNoDescriptor() throws {
        let pair = try Socket.pair()
        let ends = try pipe()
        for _ in 0..<3 { _ = try pair.first.sendMessage([0], descriptors: [ends.writing]) }
        try ends.writing.close()
        #expect(try pair.second.receive(upTo: 1) == [0])
        #expect(try pair.second.tryReceive(upTo: 1) == [0])
        _ = try [UInt8](capacity: 1) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            _ = try pair.second.receiveFrom(into: &buffer)
        }
        #expect(try atEnd(ends.reading))
        try ends.reading.close()
    }

    @Test func descriptorsNeedAByteOnAStreamAndNoneInADatagram() throws {
        let stream = try Socket.pair()
        let error = #expect(throws: SocketError.self) {
            _ = try stream.first.sendMessage([], descriptors: [.standardInput])
        }
        #expect(error?.description == "send: descriptors without a byte of data")
        let datagram = try Socket.pair(.datagram)
        _ = try datagram.first.sendMessage([], descriptors: [.standardInput])
        var vector = try IOVector(capacities: [1])
        let message = try datagram.second.receiveMessage(into: &vector, control: .descriptors(upTo: 1))
        let count = message.descriptors.count
        #expect(count == 1)
    }

    @Test func credentialsAreTheSenders() throws {
        let pair = try Socket.pair()
        try pair.second.set(.passCredentials, to: true)
        _ = try pair.first.send("x")
        _ = try pair.first.sendMessage([1], control: [.credentials(.current)])
        for _ in 0..<2 {
            var vector = try IOVector(capacities: [1])
            let message = try pair.second.receiveMessage(into: &vector, control: .credentials)
            #expect(message.control == [.credentials(.current)])
        }
        #expect(try pair.first.get(.peerCredentials) == .current)
        #expect(Credentials.current.processID == getpid())
        #expect(Credentials.current.userID == getuid())
    }

    @Test func forgedCredentialsAreRefused() throws {
        let pair = try Socket.pair()
        // No process has this number: it is above Linux's largest limit.
        let forged = Credentials(processID: 1 << 23, userID: 0, groupID: 0)
        let error = #expect(throws: SocketError.self) {
            _ = try pair.first.sendMessage([1], control: [.credentials(forged)])
        }
        #expect(error?.operation == .send)
    }

    @Test func unknownControlDataIsKeptRaw() throws {
        // SO_RXQ_OVFL: the number of packets dropped so far, which comes only when there are some.
        let receiver = try Socket(.ipv4, .datagram)
        try receiver.bind(to: .ipv4(.loopback, port: 0))
        try receiver.set(SocketOption(flag: 40, level: .socket), to: true)
        try receiver.set(.receiveBufferSize, to: 4096)
        let sender = try Socket(.ipv4, .datagram)
        try sender.connect(to: receiver.localAddress)
        for _ in 0..<100 { _ = try sender.send([UInt8](repeating: 0, count: 1000)) }
        while try receiver.tryReceive(upTo: 1) != nil {}
        _ = try sender.send("after the loss")
        var vector = try IOVector(capacities: [10])
        let message = try receiver.receiveMessage(into: &vector, control: .number)
        guard case .other(level: SOL_SOCKET, type: 40, let data) = message.control.first else {
            Issue.record("unexpected control data \(message.control)")
            return
        }
        #expect(data.count == 4)
        #expect(data.contains { $0 != 0 })
    }

    @Test func truncatedMessageSaysSo() throws {
        let pair = try Socket.pair(.datagram)
        _ = try pair.first.send("0123456789")
        var vector = try IOVector(capacities: [2, 2])
        let message = try pair.second.receiveMessage(into: &vector)
        #expect(message.flags == .truncated)
        #expect(message.byteCount == 4)
        #expect(try [vector[0], vector[1]] == [Array("01".utf8), Array("23".utf8)])
    }

    @Test func timestampsAreOfNow() throws {
        for option in [SocketOption.receiveTimestamps, .receiveNanosecondTimestamps] {
            let receiver = try Socket(.ipv4, .datagram)
            try receiver.bind(to: .ipv4(.loopback, port: 0))
            try receiver.set(option, to: true)
            let before = time(nil)
            try Socket(.ipv4, .datagram).send([1], to: receiver.localAddress)
            var vector = try IOVector(capacities: [1])
            let message = try receiver.receiveMessage(into: &vector, control: .timestamp)
            guard case .timestamp(let moment) = message.control.first else {
                Issue.record("unexpected control data \(message.control)")
                return
            }
            #expect(moment >= .seconds(before))
            #expect(moment <= .seconds(time(nil) + 1))
        }
    }
}
