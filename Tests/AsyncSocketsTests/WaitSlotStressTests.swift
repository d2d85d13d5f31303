// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import Testing

/// What can happen to a call that waits, all at once and from many threads; to be run under ThreadSanitizer too.
@Suite(.timeLimit(.minutes(5)))
struct WaitSlotStressTests {
    enum End: CaseIterable {
        case cancel, deadline, close, bytes, signal
    }

    @Test(arguments: End.allCases, End.allCases)
    func twoEndsRaceAndOneWins(one: End, other: End) async throws {
        let loop = try EventLoop()
        for round in 0..<60 {
            let (peer, connection) = try Connection.pair(on: loop)
            let signal = Signal()
            let timeout: Duration? = one == .deadline || other == .deadline ? .microseconds(round * 3) : nil
            let waitsForSignal = one == .signal || other == .signal
            let task = Task { () -> SocketError? in
                await failure {
                    if waitsForSignal {
                        _ = try await connection.wait(for: .readable, or: signal, timeout: timeout)
                    } else {
                        _ = try await connection.receive(upTo: 1, timeout: timeout)
                    }
                }
            }
            await withTaskGroup(of: Void.self) { group in
                for end in [one, other] {
                    group.addTask {
                        switch end {
                        case .cancel: task.cancel()
                        case .deadline: break
                        case .close: connection.close()
                        case .bytes: try? await peer.send("x")
                        case .signal: signal.give()
                        }
                    }
                }
            }
            let reason = await task.value?.reason
            switch reason {
            case nil: #expect([one, other].contains(.bytes) || waitsForSignal)
            case .cancelled: #expect([one, other].contains(.cancel))
            case .closed: #expect([one, other].contains(.close))
            case .system(.timedOut): #expect([one, other].contains(.deadline))
            default: Issue.record("\(String(describing: reason))")
            }
        }
        loop.stop()
    }

    @Test func everyByteArrivesWhateverWakesTheReader() async throws {
        let loops = try EventLoopGroup(count: 2)
        let (peer, connection) = try await tcpPair(loops.loops[0], loops.loops[1])
        let total = 5_000
        let sender = Task {
            for number in 0..<total { try await peer.send([UInt8(truncatingIfNeeded: number)]) }
            try peer.finishSending()
        }
        var received: [UInt8] = []
        while true {
            do throws(SocketError) {
                let count = try await connection.receive(into: &received, upTo: 7, timeout: .microseconds(50))
                if count == 0 { break }
            } catch {
                try #require(error.errno == .timedOut)
            }
        }
        try await sender.value
        #expect(received == (0..<total).map { UInt8(truncatingIfNeeded: $0) })
        loops.stop()
    }
}
