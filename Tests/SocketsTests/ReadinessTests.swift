// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct ReadinessTests {
    @Test func waitingEndsWithTheEventOrTheTime() throws {
        let pair = try Socket.pair()
        #expect(try pair.first.wait(for: .readable, timeout: .zero).isEmpty)
        let begin = ContinuousClock.now
        #expect(try pair.first.wait(for: .readable, timeout: .milliseconds(20)).isEmpty)
        #expect(ContinuousClock.now - begin >= .milliseconds(20))
        #expect(try pair.first.wait(for: [.readable, .writable], timeout: nil) == .writable)
        _ = try pair.second.send("x")
        #expect(try pair.first.wait(for: [.readable, .writable], timeout: nil) == [.readable, .writable])
    }

    @Test func endsAndErrorsAreReported() throws {
        let pair = try Socket.pair()
        let first = pair.first
        let second = pair.second
        try second.shutdown(.sending)
        #expect(
            try first.wait(for: [.readable, .peerHalfClosed], timeout: nil) == [.readable, .peerHalfClosed])
        try second.close()
        #expect(try first.wait(for: [], timeout: nil) == .hangUp)

        let nobody = try Socket(.ipv4, .stream)
        try nobody.bind(to: .ipv4(.loopback, port: 0))
        let client = try Socket(.ipv4, .stream, mode: .nonBlocking)
        do throws(SocketError) {
            _ = try client.startConnect(to: nobody.localAddress)
            #expect(try client.wait(for: [], timeout: nil).contains(.error))
        } catch {
            #expect(error.errno == .connectionRefused)
        }

        var entries = [PollEntry(FileDescriptor(rawValue: 1 << 20), .readable)]
        #expect(try Socket.poll(&entries, timeout: nil) == 1)
        #expect(entries[0].returnedEvents == .invalid)
    }

    @Test func negativeTimesAreRefused() throws {
        let pair = try Socket.pair()
        var entries: [PollEntry] = []
        let polled = #expect(throws: SocketError.self) {
            try Socket.poll(&entries, timeout: .nanoseconds(-1))
        }
        #expect(polled?.description == "poll: a negative value")
        let waited = #expect(throws: SocketError.self) {
            _ = try pair.first.wait(for: .readable, timeout: .nanoseconds(-1))
        }
        #expect(waited == polled)
        let selected = #expect(throws: SocketError.self) {
            _ = try Socket.select(reading: [], timeout: .nanoseconds(-1))
        }
        #expect(selected?.operation == .select)
    }

    @Test func longestTimeoutDoesNotOverflow() throws {
        let pair = try Socket.pair()
        #expect(try pair.first.wait(for: .writable, timeout: .seconds(Int64.max)) == .writable)
    }

    @Test func selectSortsAndKeepsTheOrder() throws {
        let quiet = try Socket.pair()
        let loud = try Socket.pair()
        _ = try loud.first.send("x")
        let quietEnd = quiet.second.withDescriptor { $0 }
        let loudEnd = loud.second.withDescriptor { $0 }
        let selection = try Socket.select(
            reading: [loudEnd, quietEnd], writing: [quietEnd, loudEnd], exceptional: [loudEnd], timeout: nil)
        #expect(selection.readable == [loudEnd])
        #expect(selection.writable == [quietEnd, loudEnd])
        #expect(selection.exceptional.isEmpty)
        #expect(try Socket.select(reading: [quietEnd], timeout: .zero).isEmpty)

        let error = #expect(throws: SocketError.self) {
            _ = try Socket.select(reading: [FileDescriptor(rawValue: 1 << 20)], timeout: .zero)
        }
        #expect(error?.description == "select: Bad file descriptor (EBADF)")
    }

    @Test func urgentDataIsExceptional() throws {
        let server = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Socket.connect(to: server.localAddress)
        let accepted = try server.accept()
        let descriptor = accepted.withDescriptor { $0 }
        _ = try client.send("!", flags: .outOfBand)
        let selection = try Socket.select(reading: [], exceptional: [descriptor], timeout: nil)
        #expect(selection.exceptional == [descriptor])
    }

    @Test func fifteenHundredDescriptorsInOneCall() throws {
        // In a process of their own the descriptors would be easier to count, but here they meet other tests' too.
        var limit = rlimit()
        // SAFETY: the limit is initialised, and getrlimit and setrlimit only read and write it.
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        if limit.rlim_cur < 4096 {
            limit.rlim_cur = min(8192, limit.rlim_max)
            try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        }
        var held: [Held] = []
        for _ in 0..<1500 {
            held.append(Held(try Socket(.unix, .datagram)))
        }
        let loud = try Socket.pair()
        _ = try loud.first.send("x")
        let last = loud.second.withDescriptor { $0 }
        #expect(last.rawValue > 1024)

        var entries = held.map { PollEntry($0.socket.withDescriptor { $0 }, .readable) } + [PollEntry(last, .readable)]
        #expect(try Socket.poll(&entries, timeout: nil) == 1)
        #expect(entries.last?.returnedEvents == .readable)
        let selection = try Socket.select(reading: entries.map(\.descriptor), timeout: nil)
        #expect(selection.readable == [last])
    }
}
