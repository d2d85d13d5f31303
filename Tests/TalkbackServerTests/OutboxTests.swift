// SPDX-License-Identifier: Apache-2.0

import BeanstalkProtocol
import TestSupport
import Testing

@testable import TalkbackServer

/// Replies leave whole, in order, and none before what it waits for.
@Suite(.timeLimit(.minutes(5)))
struct OutboxTests {
    /// Replies, each with the mutation that it waits for; 0 for none.
    private static let batches: [[(reply: Reply, sequence: UInt64)]] = [
        [(.deleted, 0)],
        [(.deleted, 3)],
        [(.watching(2), 0), (.inserted(1), 1), (.timedOut, 1)],
        [(.inserted(7), 5), (.touched, 2), (.found(2, body: [1, 2, 3]), 0), (.inserted(8), 6), (.notFound, 6)],
        [(.inserted(7), 1), (.inserted(8), 2), (.inserted(9), 3), (.inserted(10), 4)],
    ]

    /// What may leave when the store has so much: everything before the first reply that waits for more.
    private func ripe(_ batch: [(reply: Reply, sequence: UInt64)], _ stored: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        for (reply, sequence) in batch {
            guard sequence <= stored else { break }
            bytes.append(reply)
        }
        return bytes
    }

    @Test(arguments: batches.indices) func repliesLeaveInOrderHoweverTheyAreCut(index: Int) {
        let batch = Self.batches[index]
        let all = ripe(batch, .max)
        for cut in 1...all.count {
            var outbox = Outbox()
            for (reply, sequence) in batch {
                outbox.append(
                    Answer(reply: reply, barrier: .stored(through: sequence)), stored: .stored(through: 0))
            }
            #expect(outbox.unsentCount == all.count)
            var sent: [UInt8] = []
            for stored in 0...6 as ClosedRange<UInt64> {
                outbox.ripen(.stored(through: stored))
                let expected = ripe(batch, stored)
                #expect(outbox.ripeCount == expected.count - sent.count)
                while sent.count < expected.count {
                    let isAllSent = outbox.sendRipe { bytes in
                        let count = min(cut, bytes.count)
                        for index in 0..<count { sent.append(bytes[index]) }
                        return count
                    }
                    #expect(isAllSent == (sent.count == expected.count))
                    outbox.removeSent()
                }
                #expect(sent == expected)
                #expect(outbox.isHeld == (expected.count < all.count))
                #expect(outbox.unsentCount == all.count - sent.count)
            }
            #expect(outbox.isEmpty)
        }
    }

    /// The kernel takes what it likes while replies come and the store goes on, in any order.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func anyOrderOfEventsIsTheSame(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var outbox = Outbox()
        var replies: [(reply: Reply, sequence: UInt64)] = []
        var sent: [UInt8] = []
        var (newest, stored): (UInt64, UInt64) = (0, 0)
        for step in 0..<300 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                if random.isOneOf(2) { newest += 1 }
                let sequence = random.isOneOf(3) ? UInt64.random(in: 0...newest, using: &random) : newest
                replies.append((.inserted(UInt64(step)), sequence))
                outbox.append(
                    Answer(reply: .inserted(UInt64(step)), barrier: .stored(through: sequence)),
                    stored: .stored(through: stored))
            case 1:
                stored = UInt64.random(in: stored...newest, using: &random)
                outbox.ripen(.stored(through: stored))
            default:
                _ = outbox.sendRipe { bytes in
                    let count = Int.random(in: 0...bytes.count, using: &random)
                    for index in 0..<count { sent.append(bytes[index]) }
                    return count
                }
                outbox.removeSent()
            }
            let expected = ripe(replies, stored)
            #expect(expected.starts(with: sent))
            #expect(outbox.ripeCount == expected.count - sent.count)
        }
    }

    /// A client that pipelines has replies that wait at any time, so the buffer is never empty; it does not grow for
    /// that.
    @Test func bufferOfAClientThatIsNeverAnsweredWholeStaysSmall() {
        var outbox = Outbox()
        var sent: [UInt8] = []
        var expected: [UInt8] = []
        for sequence in 1...100_000 as ClosedRange<UInt64> {
            let answer = Answer(reply: .inserted(sequence), barrier: .stored(through: sequence))
            expected.append(answer.reply)
            outbox.append(answer, stored: .stored(through: sequence - 1))
            outbox.ripen(.stored(through: sequence - 1))
            _ = outbox.sendRipe { bytes in
                for index in bytes.indices { sent.append(bytes[index]) }
                return bytes.count
            }
            outbox.removeSent()
            #expect(outbox.isHeld && outbox.bufferCount < 1 << 18)
        }
        outbox.ripen(.stored(through: .max))
        _ = outbox.sendRipe { bytes in
            for index in bytes.indices { sent.append(bytes[index]) }
            return bytes.count
        }
        outbox.removeSent()
        #expect(sent == expected && outbox.isEmpty)
    }

    @Test func errorTakesNothing() {
        struct Failure: Error {}
        var outbox = Outbox()
        outbox.append(Answer(reply: .deleted, barrier: .none), stored: .none)
        #expect(throws: Failure.self) { try outbox.sendRipe { _ throws(Failure) in throw Failure() } }
        #expect(outbox.unsentCount == "DELETED\r\n".utf8.count)
    }
}
