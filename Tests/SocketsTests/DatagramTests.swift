// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct DatagramTests {
    private func bound(_ address: SocketAddress) throws -> Socket {
        let socket = try Socket(address.family, .datagram)
        try socket.bind(to: address)
        return socket
    }

    @Test func sendersAreKnownInEveryFamily() throws {
        let folder = TemporaryFolder()
        let addresses: [(SocketAddress, SocketAddress)] = [
            (.ipv4(.loopback, port: 0), .ipv4(.loopback, port: 0)),
            (.ipv6(.loopback, port: 0), .ipv6(.loopback, port: 0)),
            (try SocketAddress(unixPath: folder.file("a")), try SocketAddress(unixPath: folder.file("b"))),
            (.unix(.unnamed), .unix(.unnamed)),
        ]
        for (first, second) in addresses {
            let receiver = try bound(first)
            let sender = try bound(second)
            #expect(try sender.send([1, 2, 3], to: receiver.localAddress) == 3)
            var datagram: ReceivedDatagram?
            let bytes = try [UInt8](capacity: 10) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
                datagram = try receiver.receiveFrom(into: &buffer)
            }
            #expect(bytes == [1, 2, 3])
            #expect(datagram?.byteCount == 3)
            #expect(datagram?.isTruncated == false)
            let address = try sender.localAddress
            #expect(datagram?.sender == address)
        }
    }

    @Test func unboundUnixSenderHasNoAddress() throws {
        let receiver = try bound(.unix(.unnamed))
        let sender = try Socket(.unix, .datagram)
        try sender.send([1], to: receiver.localAddress)
        var datagram: ReceivedDatagram?
        _ = try [UInt8](capacity: 10) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            datagram = try receiver.receiveFrom(into: &buffer)
        }
        #expect(datagram != nil)
        #expect(datagram?.sender == nil)
    }

    @Test func longDatagramIsTruncatedAndSaysSo() throws {
        let receiver = try bound(.ipv4(.loopback, port: 0))
        let sender = try Socket(.ipv4, .datagram)
        try sender.send(Array("0123456789".utf8), to: receiver.localAddress)
        var datagram: ReceivedDatagram?
        let bytes = try [UInt8](capacity: 4) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            datagram = try receiver.receiveFrom(into: &buffer)
        }
        #expect(bytes == Array("0123".utf8))
        #expect(datagram?.isTruncated == true)
        #expect(datagram?.byteCount == 4)
    }

    @Test func realLengthIsReportedAndOnlyWhatFitsIsReceived() throws {
        let receiver = try bound(.ipv4(.loopback, port: 0))
        let sender = try Socket(.ipv4, .datagram)
        let address = try receiver.localAddress
        for _ in 0..<2 { try sender.send(Array("0123456789".utf8), to: address) }
        var count = 0
        let bytes = try [UInt8](capacity: 4) { (buffer: inout OutputSpan<UInt8>) throws(SocketError) in
            count = try receiver.receive(into: &buffer, flags: .realLength)
        }
        #expect(count == 10)
        #expect(bytes == Array("0123".utf8))
        var vector = try IOVector(capacities: [2, 2])
        #expect(try receiver.receive(into: &vector, flags: .realLength) == 10)
        #expect(try vector[0] == Array("01".utf8))
        #expect(try vector[1] == Array("23".utf8))
    }

    @Test func anEmptyDatagramIsADatagram() throws {
        let receiver = try bound(.ipv4(.loopback, port: 0))
        let sender = try Socket(.ipv4, .datagram)
        #expect(try receiver.tryReceive(upTo: 1) == nil)
        try sender.send([], to: receiver.localAddress)
        _ = try receiver.wait(for: .readable, timeout: nil)
        #expect(try receiver.tryReceive(upTo: 1) == [])

        try sender.connect(to: receiver.localAddress)
        try sender.sendAll("")
        _ = try receiver.wait(for: .readable, timeout: nil)
        #expect(try receiver.tryReceive(upTo: 1) == [])
    }

    @Test func errorNamesWhereItWasToGo() throws {
        let sender = try Socket(.ipv4, .datagram)
        let address = SocketAddress.ipv4(.loopback, port: 0)
        let error = #expect(throws: SocketError.self) { _ = try sender.send([1], to: address) }
        #expect(error?.description == "send 127.0.0.1:0: Invalid argument (EINVAL)")
        let tooLong = #expect(throws: SocketError.self) {
            _ = try sender.send([UInt8](repeating: 0, count: 70_000), to: .ipv4(.loopback, port: 9))
        }
        #expect(tooLong?.errno == .messageTooLong)
    }

    @Test func sequencedPacketsKeepTheirBoundaries() throws {
        let pair = try Socket.pair(.sequencedPacket)
        _ = try pair.first.send("one")
        _ = try pair.first.send("two")
        #expect(try pair.second.receive(upTo: 100) == Array("one".utf8))
        #expect(try pair.second.receive(upTo: 100) == Array("two".utf8))
    }
}
