// SPDX-License-Identifier: Apache-2.0

import JobQueue
import TestSupport
import Testing

/// What a queue records makes the queue again.
@Suite(.timeLimit(.minutes(5)))
struct RecoveryTests {
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func recordMakesTheQueueAgain(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &* 77)
        var history = History()
        for step in 1...3000 {
            history.step(&random)
            if step % 100 == 0 { try history.compare() }
        }
    }

    @Test func nothingIsRecordedUnlessAsked() {
        let queue = JobQueue()
        let client = queue.connect()
        let now = QueueTime(nanoseconds: 0)
        queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], by: client, at: now)
        #expect(!queue.hasMutations)
        #expect(queue.lastSequence == 0)
    }

    /// Whoever shows a job knows what its reply must wait for: the job's own last numbered mutation, and nobody else's.
    @Test func jobsSayWhatRepliesThatShowThemWaitFor() throws {
        let queue = JobQueue(isRecording: true)
        let (one, other) = (queue.connect(), queue.connect())
        let now = QueueTime(nanoseconds: 0)
        func put(_ tags: JobTags? = nil) -> JobStatus? {
            queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 9, [], tags, by: one, at: now)
        }
        #expect(put() == nil && queue.lastSequence == 1)
        #expect(put() == nil && queue.lastSequence == 2)
        // A job that is handed out shows its own put, and nobody else's.
        guard case .job(let job) = queue.reserve(for: other, timeout: 0, at: now) else {
            Issue.record("no job")
            return
        }
        #expect(job.sequence.number == 1)
        #expect(queue.touch(1, by: other, at: now)?.number == 1)
        #expect(queue.progress(1, percent: 5, text: [], by: other, at: now) == .taken(job.sequence))
        #expect(queue.release(1, priority: 3, delay: 0, by: other, at: now) == .released && queue.lastSequence == 3)
        #expect(queue.job(1)?.sequence.number == 3)
        #expect(queue.job(2)?.sequence.number == 2)
        #expect(queue.firstJob(.ready, for: one)?.sequence.number == 2)
        #expect(queue.statistics(ofJob: 1, at: now)?.sequence.number == 3)
        #expect(queue.status(of: 1, at: now)?.sequence.number == 3)
        #expect(queue.reserve(2, for: other, at: now)?.sequence.number == 2)
        // What changes a job counts on.
        #expect(queue.bury(2, priority: 0, by: other, at: now) && queue.lastSequence == 4)
        guard case .tooLate(let sequence) = queue.cancel(2, at: now) else {
            Issue.record("not too late")
            return
        }
        #expect(sequence.number == 4)
        #expect(queue.kickJob(2, at: now) && queue.lastSequence == 5)
        #expect(queue.delete(2, by: other, at: now) && queue.lastSequence == 6)
        #expect(queue.pause(Array("default".utf8), 9, at: now) && queue.lastSequence == 7)
        // What is a connection's own does not.
        #expect(queue.watch(Array("a".utf8), by: one) == 2 && queue.lastSequence == 7)
        // A key leads to the job that has it, or to what is remembered of it.
        let tags = JobTags(key: [97], keySeconds: 60, keepSeconds: 60)
        #expect(put(tags) == nil && queue.lastSequence == 8)
        #expect(put() == nil && queue.lastSequence == 9)
        #expect(put(tags)?.sequence.number == 8)
        #expect(queue.delete(3, by: one, at: now) && queue.lastSequence == 10)
        #expect(put() == nil && queue.lastSequence == 11)
        #expect(put(tags)?.sequence.number == 10)
        #expect(queue.status(of: 3, at: now)?.sequence.number == 10)
    }

    @Test func followersWaitForWhatTheyAreTold() {
        let queue = JobQueue(isRecording: true)
        let (page, worker) = (queue.connect(), queue.connect())
        let (now, later) = (QueueTime(nanoseconds: 0), QueueTime(nanoseconds: 1_000_000_000))
        queue.put(
            queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], JobTags(keepSeconds: 9, attempts: 9), by: page,
            at: now)
        _ = queue.observe(1, .everything, seconds: 100, by: page, at: now)
        var steps: [() -> Void] = [
            { _ = queue.fail(1, delay: 0, reason: [1], by: worker, at: now) },
            { _ = queue.fail(1, delay: 5, reason: [2], by: worker, at: now) },
            { _ = queue.release(1, priority: 0, delay: 0, by: worker, at: now) },
            { queue.disconnect(worker, at: now) },
        ]
        steps.append { queue.advance(to: later) }
        for (index, step) in steps.enumerated() {
            let client = index < 4 ? worker : queue.connect()
            _ = queue.reserve(1, for: client, at: now)
            check(queue, "reserve \(index)")
            step()
            check(queue, "\(index)")
        }
        _ = queue.kickJob(1, at: later)
        _ = queue.reserve(1, for: page, at: later)
        check(queue, "reserve")
        _ = queue.cancel(1, at: later)
        check(queue, "cancel")
        func check(_ queue: JobQueue, _ step: String) {
            let effects = queue.takeEffects()
            #expect(!effects.isEmpty, "\(step)")
            for case .observed(_, let status, _) in effects {
                #expect(status.sequence.number == queue.lastSequence, "\(step)")
            }
        }
    }

    @Test func keyOutlivesTheOutcomeWithoutItsData() throws {
        let queue = JobQueue(isRecording: true)
        let client = queue.connect()
        func time(_ seconds: UInt32) -> QueueTime { QueueTime(nanoseconds: Int64(seconds) * 1_000_000_000) }
        func end(keep: UInt32) -> Mutation? {
            let id = queue.takeID()
            let tags = JobTags(key: [97], keySeconds: 60, keepSeconds: keep)
            queue.put(id, priority: 0, delay: 0, timeToRun: 1, [], tags, by: client, at: time(0))
            _ = queue.reserve(id, for: client, at: time(0))
            _ = queue.finish(id, [1, 2, 3], by: client, at: time(0))
            return taken().last
        }
        func taken() -> [Mutation] {
            var mutations: [Mutation] = []
            queue.takeMutations(into: &mutations)
            return mutations
        }
        guard case .end(1, _, let outcome?) = end(keep: 0) else {
            Issue.record("no outcome")
            return
        }
        #expect(outcome.data.isEmpty)
        queue.advance(to: time(60))
        #expect(taken() == [.forget(1)])
        #expect(queue.statistics.outcomes == 0)
    }

    @Test func dataGoesWhenOnlyTheKeyIsLeft() {
        let queue = JobQueue(isRecording: true)
        let client = queue.connect()
        func time(_ seconds: UInt32) -> QueueTime { QueueTime(nanoseconds: Int64(seconds) * 1_000_000_000) }
        let tags = JobTags(key: [97], keySeconds: 60, keepSeconds: 10)
        queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], tags, by: client, at: time(0))
        _ = queue.reserve(1, for: client, at: time(0))
        _ = queue.finish(1, [1, 2, 3], by: client, at: time(0))
        #expect(queue.status(of: 1, at: time(9))?.data == [1, 2, 3])
        var mutations: [Mutation] = []
        queue.takeMutations(into: &mutations)
        mutations = []
        queue.advance(to: time(10))
        queue.takeMutations(into: &mutations)
        #expect(mutations == [.forgetData(1)])
        #expect(queue.status(of: 1, at: time(10)) == nil)
        let again = queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], tags, by: client, at: time(59))
        #expect(again?.id == 1)
    }

    @Test func jobThatIsThereHasItsKeyWhateverTheClockSays() {
        let queue = JobQueue()
        let (now, later) = (QueueTime(nanoseconds: 0), QueueTime(nanoseconds: 9_000_000_000))
        let tags = JobTags(key: [97], keySeconds: 0)
        queue.restore(
            JobRecord(
                id: 2, tube: Array("default".utf8), priority: 0, delay: 0, timeToRun: 1, creation: now, due: now,
                body: [], tags: tags), at: now)
        queue.restore(
            OutcomeRecord(
                id: 1, tube: Array("default".utf8), key: [97], end: .done, attempt: 1, attempts: 0, time: now,
                keptUntil: later, uniqueUntil: later, data: []), at: now)
        queue.finishRestoring(at: now)
        let client = queue.connect()
        let former = queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], tags, by: client, at: now)
        #expect(former?.id == 2)
    }

    @Test func pausedTubeWithoutJobsStaysForItsWorkers() {
        let queue = JobQueue()
        let name = Array("later".utf8)
        queue.restorePause(
            of: name, 10, until: QueueTime(nanoseconds: 5_000_000_000), at: QueueTime(nanoseconds: 0))
        #expect(queue.statistics(ofTube: name, at: QueueTime(nanoseconds: 0))?.pauseTimeLeft == 5)
        queue.advance(to: QueueTime(nanoseconds: 5_000_000_000))
        #expect(queue.tubeNames == [Array("default".utf8)])
    }

    /// A store whose times are of a clock that has been set back says that things are yet to happen.
    @Test(arguments: [0, 1, 86_400, 3_153_600_000] as [Int64])
    func nothingLastsLongerThanItWasAskedTo(ahead: Int64) {
        let queue = JobQueue()
        let now = QueueTime(nanoseconds: 1000)
        func time(_ seconds: Int64) -> QueueTime {
            QueueTime(nanoseconds: now.nanoseconds &+ (ahead + seconds) &* 1_000_000_000)
        }
        let tube = Array("t".utf8)
        func record(_ id: UInt64, _ delay: UInt32) -> JobRecord {
            JobRecord(
                id: id, tube: tube, priority: 0, delay: delay, timeToRun: 1, creation: time(0),
                due: time(Int64(delay)), body: [])
        }
        queue.restore(record(1, 6), at: now)
        queue.restore(record(2, .max), at: now)
        queue.restore(
            record(3, 0),
            JobChange(
                id: 3, state: .delayed, priority: 0, delay: 9, due: time(9), burial: 0, counts: JobCounts()), at: now)
        queue.restore(
            OutcomeRecord(
                id: 4, tube: tube, key: [97], end: .done, attempt: 1, attempts: 0, time: time(0), keptUntil: time(5),
                uniqueUntil: time(7), data: []), at: now)
        queue.restorePause(of: tube, 8, until: time(8), at: now)
        queue.finishRestoring(at: now)
        #expect(queue.statistics(ofJob: 1, at: now)?.timeLeft == 6)
        #expect(queue.statistics(ofJob: 2, at: now)?.timeLeft == 4_294_967_295)
        #expect(queue.statistics(ofJob: 3, at: now)?.timeLeft == 9)
        #expect(queue.statistics(ofJob: 1, at: now)?.age == 0)
        #expect(queue.statistics(ofTube: tube, at: now)?.pauseTimeLeft == 8)
        #expect(queue.status(of: 4, at: now)?.seconds == 0)
        let later = QueueTime(nanoseconds: now.nanoseconds + 5_000_000_000)
        queue.advance(to: later)
        #expect(queue.status(of: 4, at: later) == nil && queue.statistics.outcomes == 1)
        queue.advance(to: QueueTime(nanoseconds: now.nanoseconds + 9_000_000_000))
        #expect(queue.statistics.outcomes == 0 && queue.statistics.delayed == 1)
    }

    @Test func numbersAreNotGivenTwice() {
        let queue = JobQueue()
        queue.skipIDs(through: 41)
        queue.skipIDs(through: 7)
        #expect(queue.takeID() == 42)
    }
}

/// A queue, what it has recorded, and what comes of that.
private struct History {
    private let queue = JobQueue(isRecording: true)
    private var clients: [ClientID] = []
    private var now = QueueTime(nanoseconds: 0)
    private var puts: [UInt64: JobRecord] = [:]
    private var changes: [UInt64: JobChange] = [:]
    private var pauses: [[UInt8]: (seconds: UInt32, until: QueueTime)] = [:]
    private var outcomes: [OutcomeRecord] = []
    private static let names = ["default", "a", "b", "c"].map { Array($0.utf8) }

    init() {
        clients = (0..<4).map { [queue] _ in queue.connect() }
    }

    mutating func step(_ random: inout SeededGenerator) {
        let client = clients[Int.random(in: clients.indices, using: &random)]
        let name = Self.names[Int.random(in: Self.names.indices, using: &random)]
        let job = puts.keys.sorted().randomElement(using: &random) ?? 1
        switch Int.random(in: 0..<16, using: &random) {
        case 12: _ = queue.finish(job, name, by: client, at: now)
        case 13: _ = queue.fail(job, delay: random.isOneOf(3) ? nil : 1, reason: name, by: client, at: now)
        case 14: _ = queue.cancel(job, at: now)
        case 15: _ = queue.progress(job, percent: 5, text: name, by: client, at: now)
        case 0...2 where puts.count < 40:
            let delay = random.isOneOf(3) ? random.small : 0
            queue.put(
                queue.takeID(), priority: random.small, delay: delay, timeToRun: random.small,
                Array("\(now.nanoseconds)".utf8), random.isOneOf(2) ? nil : tags(&random),
                random.isOneOf(3) ? history(&random) : nil, by: client, at: now)
        case 0...3: _ = queue.reserve(for: client, timeout: 0, at: now)
        case 4: _ = queue.reserve(job, for: client, at: now)
        case 5: _ = queue.delete(job, by: client, at: now)
        case 6: _ = queue.release(job, priority: random.small, delay: random.isOneOf(2) ? 3 : 0, by: client, at: now)
        case 7: _ = queue.bury(job, priority: random.small, by: client, at: now)
        case 8: _ = random.isOneOf(2) ? queue.kick(3, by: client, at: now) : queue.kickJob(job, at: now) ? 1 : 0
        case 9: _ = queue.pause(name, random.isOneOf(2) ? 5 : 0, at: now)
        case 10:
            queue.use(name, by: client)
            _ = queue.watch(name, by: client)
            if random.isOneOf(20) { queue.disconnect(client, at: now) }
        default:
            now.nanoseconds += Int64.random(in: 0..<1_500_000_000, using: &random)
            queue.advance(to: now)
        }
        clients = clients.map { queue.watchedTubes(of: $0).isEmpty ? queue.connect() : $0 }
        var mutations: [Mutation] = []
        queue.takeMutations(into: &mutations)
        mutations.forEach { fold($0) }
    }

    private func tags(_ random: inout SeededGenerator) -> JobTags {
        JobTags(
            key: random.isOneOf(2) ? [] : [UInt8(random.small & 7) + 97], keySeconds: random.small,
            keepSeconds: random.small, attempts: random.small & 3,
            backoff: random.isOneOf(2) ? nil : JobTags.Backoff(first: random.small & 3, most: 5))
    }

    private func history(_ random: inout SeededGenerator) -> JobHistory {
        var counts = JobCounts()
        (counts.reserves, counts.kicks) = (random.small, random.small)
        return JobHistory(
            counts: counts, attempt: random.small & 3,
            reason: random.isOneOf(2) ? [] : [UInt8(truncatingIfNeeded: random.small)],
            isBuried: random.isOneOf(2))
    }

    private mutating func fold(_ mutation: Mutation) {
        switch mutation {
        case .put(let record):
            puts[record.id] = record
            guard let key = record.tags?.key, !key.isEmpty else { break }
            // It has a past, or it would not have been put: what is remembered of the key counts no more.
            for index in outcomes.indices where outcomes[index].key == key && outcomes[index].tube == record.tube {
                outcomes[index].uniqueUntil = now
            }
        case .change(let change): changes[change.id] = change
        case .forgetData(let id):
            guard let index = outcomes.firstIndex(where: { $0.id == id }) else {
                Issue.record("nothing of \(id) is known")
                return
            }
            outcomes[index].data = []
        case .forget(let id):
            #expect(outcomes.contains { $0.id == id })
            outcomes.removeAll { $0.id == id }
        case .end(let id, _, let outcome):
            #expect(puts[id]?.tags != nil)
            if let outcome { outcomes.append(outcome) }
            puts[id] = nil
            changes[id] = nil
        case .delete(let id, let changeCount):
            #expect(puts[id]?.tags == nil)
            #expect((changeCount > 0) == (changes[id] != nil))
            puts[id] = nil
            changes[id] = nil
        case .pause(let name, let seconds, let until): pauses[name] = (seconds, until)
        }
    }

    func compare() throws {
        let again = JobQueue(nextID: 1000)
        for id in puts.keys.shuffled() {
            if let record = puts[id] { again.restore(record, changes[id], at: now) }
        }
        again.finishRestoring(at: now)
        for outcome in outcomes { again.restore(outcome, at: now) }
        for (name, pause) in pauses where pause.until > now {
            again.restorePause(of: name, pause.seconds, until: pause.until, at: now)
        }
        for id in puts.keys {
            let old = try #require(queue.statistics(ofJob: id, at: now))
            let new = try #require(again.statistics(ofJob: id, at: now))
            let (status, newStatus) = (queue.status(of: id, at: now), again.status(of: id, at: now))
            #expect(newStatus?.attempt == status?.attempt)
            if old.state == .reserved {
                let attempts = puts[id]?.tags?.attempts ?? 0
                let isUsedUp = try attempts > 0 && #require(status).attempt >= attempts
                #expect(new.state == (isUsedUp ? .buried : .ready))
                #expect(!isUsedUp || newStatus?.data == Array("the worker was lost: the server ended".utf8))
                #expect(new.timeLeft == 0 && new.counts.buries == old.counts.buries + (isUsedUp ? 1 : 0))
            } else {
                #expect(new.state == old.state && new.timeLeft == old.timeLeft && new.counts == old.counts)
                #expect(newStatus?.data == status?.data)
            }
            #expect(
                (new.tube, new.priority, new.age, new.delay) == (old.tube, old.priority, old.age, old.delay))
            #expect(new.timeToRun == old.timeToRun)
            #expect(again.job(id)?.body == queue.job(id)?.body)
        }
        for record in outcomes {
            let (old, new) = (queue.status(of: record.id, at: now), again.status(of: record.id, at: now))
            #expect(old?.state == new?.state && old?.data == new?.data && old?.attempt == new?.attempt)
            #expect(old?.seconds == new?.seconds)
        }
        let reader = again.connect()
        for name in Self.names {
            guard let tube = queue.statistics(ofTube: name, at: now) else { continue }
            let new = again.statistics(ofTube: name, at: now)
            // Jobs whose last attempt was under way are dead now.
            #expect(new?.buried ?? 0 >= tube.buried && new?.pauseTimeLeft ?? 0 == tube.pauseTimeLeft)
            again.use(name, by: reader)
            let client = queue.connect()
            queue.use(name, by: client)
            if let first = queue.firstJob(.buried, for: client) {
                #expect(again.firstJob(.buried, for: reader)?.id == first.id)
            }
            queue.disconnect(client, at: now)
        }
        for record in puts.values {
            guard let key = record.tags?.key, !key.isEmpty else { continue }
            #expect(same(record.tube, key, in: again, reader)?.id == record.id)
        }
        for record in outcomes where !record.key.isEmpty && record.uniqueUntil > now {
            #expect(same(record.tube, record.key, in: again, reader)?.id == record.id)
        }
    }

    /// What a put with this key finds.
    private func same(_ tube: [UInt8], _ key: [UInt8], in queue: JobQueue, _ client: ClientID) -> JobStatus? {
        queue.use(tube, by: client)
        return queue.put(
            queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], JobTags(key: key), by: client, at: now)
    }
}
