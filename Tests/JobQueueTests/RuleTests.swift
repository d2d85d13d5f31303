// SPDX-License-Identifier: Apache-2.0

import JobQueue
import Testing

/// Each rule by itself, with made-up times.
struct RuleTests {
    let queue = JobQueue()
    let producer: ClientID
    let worker: ClientID

    init() {
        producer = queue.connect()
        worker = queue.connect()
    }

    private func seconds(_ count: Double) -> QueueTime { QueueTime(nanoseconds: Int64(count * 1e9)) }

    @discardableResult
    private func put(
        _ priority: UInt32 = 0, delay: UInt32 = 0, timeToRun: UInt32 = 100, at time: Double = 0,
        by client: ClientID? = nil
    ) -> UInt64 {
        let id = queue.takeID()
        queue.put(
            id, priority: priority, delay: delay, timeToRun: timeToRun, [UInt8(id & 255)], by: client ?? producer,
            at: seconds(time))
        return id
    }

    private func reserve(_ client: ClientID? = nil, timeout: UInt32? = 0, at time: Double = 0) -> JobQueue.Reservation {
        queue.reserve(for: client ?? worker, timeout: timeout, at: seconds(time))
    }

    private func job(_ id: UInt64) -> JobQueue.Reservation { .job(JobSnapshot(id: id, body: [UInt8(id & 255)])) }

    private func given(_ id: UInt64, to client: ClientID) -> JobQueue.Effect {
        .reserved(client, JobSnapshot(id: id, body: [UInt8(id & 255)]))
    }

    @Test func mostUrgentComesFirstThenTheOldest() {
        let ids = [5, 1, 5, 0, 1].map { put($0) }
        #expect((0..<5).map { _ in reserve() } == [ids[3], ids[1], ids[4], ids[0], ids[2]].map(job))
        #expect(reserve() == .timedOut)
    }

    @Test func workersAreServedInTheOrderInWhichTheyCame() {
        let workers = (0..<5).map { _ in queue.connect() }
        for worker in workers { #expect(reserve(worker, timeout: nil) == .waiting) }
        let ids = (0..<4).map { _ in put() }
        #expect(queue.takeEffects() == (0..<4).map { given(ids[$0], to: workers[$0]) })
        queue.stopWaiting(workers[4], at: seconds(0))
        #expect(queue.takeEffects() == [.timedOut(workers[4])])
    }

    @Test func releasedJobGoesBackToItsPlace() {
        let first = put(), second = put()
        #expect(reserve() == job(first))
        #expect(queue.release(first, priority: 0, delay: 0, by: worker, at: seconds(0)) == .released)
        #expect(reserve() == job(first))
        #expect(queue.release(first, priority: 1, delay: 0, by: worker, at: seconds(0)) == .released)
        #expect(reserve() == job(second))
    }

    @Test func delayedJobIsReadyWhenItsTimeHasCome() {
        let id = put(delay: 3)
        #expect(reserve(timeout: nil) == .waiting)
        #expect(queue.nextTime == seconds(3))
        queue.advance(to: seconds(2.999))
        #expect(queue.takeEffects().isEmpty)
        queue.advance(to: seconds(3))
        #expect(queue.takeEffects() == [given(id, to: worker)])
        #expect(queue.statistics(ofJob: id, at: seconds(4))?.timeLeft == 99)
    }

    @Test func jobIsTakenBackWhenItsTimeToRunIsOver() {
        let id = put(timeToRun: 2)
        #expect(reserve() == job(id))
        #expect(queue.touch(id, by: worker, at: seconds(1)) != nil)
        queue.advance(to: seconds(2.5))
        #expect(queue.statistics(ofJob: id, at: seconds(2.5))?.state == .reserved)
        queue.advance(to: seconds(3))
        let statistics = queue.statistics(ofJob: id, at: seconds(3))
        #expect(statistics?.state == .ready)
        #expect(statistics?.counts.timeouts == 1)
        #expect(queue.touch(id, by: worker, at: seconds(3)) == nil)
        #expect(!queue.bury(id, priority: 0, by: worker, at: seconds(0)))
        // Anybody may delete a ready job, its former holder too.
        #expect(queue.delete(id, by: worker, at: seconds(0)))
    }

    @Test func deadlineThatIsNearEndsAWait() {
        let id = put(timeToRun: 5)
        #expect(reserve() == job(id))
        #expect(reserve(timeout: 10) == .waiting)
        #expect(queue.nextTime == seconds(4))
        queue.advance(to: seconds(4))
        #expect(queue.takeEffects() == [.deadlineSoon(worker)])
        #expect(reserve(timeout: nil, at: 4.5) == .deadlineSoon)
        // A ready job is better than the warning.
        let other = put(at: 4.5)
        #expect(reserve(at: 4.5) == job(other))
        // A job in a paused tube is none.
        put(at: 4.5)
        #expect(queue.pause(Array("default".utf8), 100, at: seconds(4.5)))
        #expect(reserve(at: 4.5) == .deadlineSoon)
    }

    @Test func deadlineWinsOverATimeout() {
        let id = put(timeToRun: 2)
        #expect(reserve() == job(id))
        #expect(reserve(timeout: 1) == .waiting)
        queue.advance(to: seconds(1))
        #expect(queue.takeEffects() == [.deadlineSoon(worker)])
    }

    @Test func shortestTimeToRunIsSoonFromTheStart() {
        let id = put(timeToRun: 0)
        #expect(reserve() == job(id))
        #expect(queue.statistics(ofJob: id, at: seconds(0))?.timeToRun == 1)
        #expect(reserve() == .deadlineSoon)
    }

    @Test func pausedTubeGivesNothingUntilItsEnd() {
        let name = Array("default".utf8)
        #expect(queue.pause(name, 5, at: seconds(0)))
        let id = put()
        #expect(reserve(timeout: nil) == .waiting)
        #expect(queue.statistics(ofTube: name, at: seconds(1))?.pauseTimeLeft == 4)
        queue.advance(to: seconds(5))
        #expect(queue.takeEffects() == [given(id, to: worker)])
        #expect(queue.pause(name, 100, at: seconds(5)))
        let other = put(at: 5)
        #expect(queue.reserve(other, for: producer, at: seconds(5)) != nil)
        let last = put(at: 5)
        #expect(reserve(timeout: nil, at: 5) == .waiting)
        #expect(queue.pause(name, 0, at: seconds(5)))
        #expect(queue.takeEffects() == [given(last, to: worker)])
        #expect(!queue.pause(Array("none".utf8), 1, at: seconds(5)))
    }

    @Test func kickTakesBuriedJobsOrElseDelayedOnes() {
        let ids = (0..<3).map { _ in put() }
        let delayed = [put(delay: 9), put(delay: 8)]
        for id in ids { #expect(reserve() == job(id)) }
        for id in [ids[1], ids[0]] { #expect(queue.bury(id, priority: 7, by: worker, at: seconds(0))) }
        #expect(queue.firstJob(.buried, for: producer)?.id == ids[1])
        #expect(queue.kick(1, by: producer, at: seconds(0)) == 1)
        #expect(queue.statistics(ofJob: ids[1], at: seconds(0))?.state == .ready)
        #expect(queue.kick(10, by: producer, at: seconds(0)) == 1)
        #expect(queue.kick(1, by: producer, at: seconds(0)) == 1)
        #expect(queue.statistics(ofJob: delayed[1], at: seconds(0))?.state == .ready)
        #expect(queue.kickJob(delayed[0], at: seconds(0)))
        #expect(!queue.kickJob(delayed[0], at: seconds(0)))
        #expect(!queue.kickJob(ids[2], at: seconds(0)))
        #expect(queue.statistics(ofJob: delayed[0], at: seconds(0))?.counts.kicks == 1)
    }

    @Test func clientThatGoesLeavesItsJobs() {
        let id = put(3)
        #expect(reserve() == job(id))
        let other = queue.connect()
        #expect(reserve(other, timeout: nil) == .waiting)
        #expect(!queue.delete(id, by: other, at: seconds(0)))
        queue.disconnect(worker, at: seconds(1))
        #expect(queue.takeEffects() == [given(id, to: other)])
        let statistics = queue.statistics(ofJob: id, at: seconds(1))
        #expect(statistics?.counts.timeouts == 0)
        #expect(statistics?.counts.releases == 0)
        #expect(statistics?.counts.reserves == 2)
    }

    @Test func tubesAreThereWhileSomethingNeedsThem() {
        func names() -> [String] { queue.tubeNames.map { String(decoding: $0, as: UTF8.self) } }
        for name in ["a", "b", "c", "d"] { _ = queue.watch(Array(name.utf8), by: worker) }
        #expect(names() == ["default", "a", "b", "c", "d"])
        #expect(queue.ignore(Array("a".utf8), by: worker) == 4)
        #expect(names() == ["default", "d", "b", "c"])
        #expect(
            queue.watchedTubes(of: worker).map { String(decoding: $0, as: UTF8.self) } == ["default", "d", "b", "c"])
        queue.use(Array("x".utf8), by: producer)
        let id = put()
        queue.use(Array("default".utf8), by: producer)
        #expect(names().contains("x"))
        #expect(queue.delete(id, by: producer, at: seconds(0)))
        #expect(!names().contains("x"))
        for name in ["default", "b", "c"] { _ = queue.ignore(Array(name.utf8), by: worker) }
        #expect(queue.ignore(Array("d".utf8), by: worker) == nil)
        #expect(queue.ignore(Array("e".utf8), by: worker) == 1)
        #expect(names() == ["default", "d"])
    }

    @Test func manyTubesAreWaitedForWithoutLeavingTraces() {
        let names = (0..<50).map { Array("t\($0)".utf8) }
        for name in names { _ = queue.watch(name, by: worker) }
        queue.use(names[0], by: producer)
        for round in 0..<5000 {
            #expect(reserve(timeout: nil, at: Double(round)) == .waiting)
            let id = put(at: Double(round))
            #expect(queue.takeEffects() == [given(id, to: worker)])
            #expect(queue.delete(id, by: worker, at: seconds(0)))
        }
        #expect(queue.statistics(ofTube: names[7], at: seconds(5000))?.waiting == 0)
    }

    @Test func farthestTimesAreNoTrouble() {
        let id = put(delay: .max, timeToRun: .max)
        #expect(queue.statistics(ofJob: id, at: seconds(0))?.timeLeft == 4_294_967_295)
        #expect(queue.kickJob(id, at: seconds(0)))
        #expect(reserve(timeout: .max) == job(id))
        queue.advance(to: seconds(1_000_000))
        #expect(queue.statistics(ofJob: id, at: seconds(1_000_000))?.state == .reserved)
    }

    @Test func queueThatIsForgottenLeavesNothing() {
        weak var forgotten: JobQueue?
        do {
            let queue = JobQueue()
            forgotten = queue
            let client = queue.connect(), waiting = queue.connect()
            for number in 0..<3 {
                queue.put(
                    queue.takeID(), priority: 0, delay: number == 2 ? 9 : 0, timeToRun: 9, [], by: client,
                    at: seconds(0))
            }
            _ = queue.reserve(for: client, timeout: 0, at: seconds(0))
            _ = queue.watch(Array("other".utf8), by: waiting)
            _ = queue.ignore(Array("default".utf8), by: waiting)
            _ = queue.reserve(for: waiting, timeout: nil, at: seconds(0))
        }
        // What it held is LeakSanitizer's matter.
        #expect(forgotten == nil)
    }
}
