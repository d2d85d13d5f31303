// SPDX-License-Identifier: Apache-2.0

import Sockets
import Testing

@testable import TalkbackServer

/// What a connection may do next, and what it may not.
@Suite(.timeLimit(.minutes(5)))
struct PhaseTests {
    private static let all: [Phase] = [
        .open, .waiting(missedJob: nil), .waiting(missedJob: 7), .congested(.outbox), .congested(.store),
        .closing(.byPeer), .closing(.bySelf),
    ]

    private func after(_ phase: Phase, _ change: (inout Phase) -> Void) -> Phase {
        var phase = phase
        change(&phase)
        return phase
    }

    @Test(arguments: all) func onlyWhatIsOpenWaitsOrIsCongested(phase: Phase) {
        let isOpen = phase == .open
        #expect(phase.isOpen == isOpen)
        #expect(after(phase) { $0.wait() } == (isOpen ? .waiting(missedJob: nil) : phase))
        #expect(after(phase) { $0.congest(.outbox) } == (isOpen ? .congested(.outbox) : phase))
        #expect(after(phase) { $0.congest(.store) } == (isOpen ? .congested(.store) : phase))
    }

    @Test(arguments: all) func eachReasonToStopEndsByItself(phase: Phase) {
        #expect(after(phase) { $0.stopWaiting() } == (phase.isWaiting ? .open : phase))
        for congestion in [Phase.Congestion.outbox, .store] {
            let isIt = phase == .congested(congestion)
            var next = phase
            #expect(next.relieve(congestion) == isIt)
            #expect(next == (isIt ? .open : phase))
        }
    }

    @Test(arguments: all) func closingIsForGoodAndTheFirstReasonCounts(phase: Phase) {
        for closing in [Phase.Closing.byPeer, .bySelf] {
            var next = phase
            #expect(next.close(closing) != phase.isClosing)
            #expect(next == (phase.isClosing ? phase : .closing(closing)))
        }
    }

    @Test(arguments: all) func followerThatHasMissedSomethingIsToldOfItOnce(phase: Phase) {
        var next = phase
        next.miss(job: 9)
        #expect(next == (phase.isWaiting ? .waiting(missedJob: 9) : phase))
        #expect(next.takeMissedJob() == (phase.isWaiting ? 9 : nil))
        #expect(next.takeMissedJob() == nil)
        #expect(next.isWaiting == phase.isWaiting)
    }

    /// Nothing tells of what a receive may have left: what came with urgent data, and the end behind what came.
    @Test(
        arguments: [
            ([], 10, false), ([], 100, true), ([], nil, false), ([.readable], 10, false), ([.writable], 10, false),
            ([.readable, .priority], 10, true), ([.readable, .peerHalfClosed], 10, true), ([.hangUp], 10, true),
            ([.error], 10, true), ([.priority], nil, false), ([.peerHalfClosed], nil, false),
        ] as [(PollEvents, Int?, Bool)])
    func receiveMayLeaveSomething(events: PollEvents, count: Int?, mayReceive: Bool) {
        var readability = Readability()
        readability.note(events)
        #expect(readability.mayReceive)
        #expect(readability.isHalfClosed == !events.isDisjoint(with: [.peerHalfClosed, .hangUp, .error]))
        readability.received(count, of: 100)
        #expect(readability.mayReceive == mayReceive)
        readability.note(.writable)
        #expect(readability.mayReceive == mayReceive)
        readability.note(.readable)
        #expect(readability.mayReceive)
    }

    @Test func bytesThatAreKeptAreTakenOnce() {
        var received = ReceivedBytes()
        #expect(received.isEmpty)
        received.keep([1, 2, 3, 4][1...])
        #expect(!received.isEmpty)
        var position = 9
        var bytes = received.take(&position)
        #expect(bytes == [2, 3, 4] && position == 0 && received.isEmpty)
        received.putBack(bytes, at: 2)
        bytes = received.take(&position)
        #expect(bytes == [2, 3, 4] && position == 2)
        received.putBack(bytes, at: 3)
        #expect(received.isEmpty)
    }

    @Test func submissionsEndInOrder() {
        var submissions = Submissions()
        for sequence in 1...1000 as ClosedRange<UInt64> {
            submissions.append(through: sequence * 2, byteCount: 10)
        }
        for stored in 0...2000 as ClosedRange<UInt64> {
            submissions.remove(through: stored)
            #expect(submissions.byteCount == 10_000 - Int(stored / 2) * 10)
            #expect(submissions.isEmpty == (stored == 2000))
            if stored == 1001 { submissions.append(through: 2000, byteCount: 0) }
        }
    }
}
