// SPDX-License-Identifier: Apache-2.0

import JobQueue
import TestSupport
import Testing

/// Random commands, given to the queue and to a model of it.
@Suite(.timeLimit(.minutes(5)))
struct ModelTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func queueDoesWhatItsModelDoes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = Pair()
        for _ in 0..<10_000 {
            try pair.step(&random)
        }
        pair.deleteEverything()
    }
}

private struct Pair {
    private let queue = JobQueue()
    private let model = Model()
    private var clients: [ClientID] = []
    private var now = QueueTime(nanoseconds: 0)
    private var steps = 0
    private static let names = ["default", "a", "b", "c"].map { Array($0.utf8) }

    /// What is gone takes no memory, whatever has happened to it.
    mutating func deleteEverything() {
        for client in clients { queue.disconnect(client, at: now) }
        let client = queue.connect()
        for id in 1..<queue.nextID where queue.job(id) != nil { #expect(queue.delete(id, by: client, at: now)) }
        #expect(queue.byteCount == 0)
    }

    /// One random command, and a comparison of everything that can be seen.
    mutating func step(_ random: inout SeededGenerator) throws {
        if clients.count < 2 || (clients.count < 6 && random.isOneOf(20)) {
            let client = queue.connect()
            model.connect(client)
            clients.append(client)
        }
        let client = clients[Int.random(in: clients.indices, using: &random)]
        let name = Self.names[Int.random(in: Self.names.indices, using: &random)]
        let job = randomJob(&random)
        let isFree = model.clients.first { $0.id == client }.map { $0.wait == nil && $0.observed == nil } ?? true
        let choice = Int.random(in: 0..<20, using: &random)
        if isFree, random.isOneOf(3) {
            try stepBeyondBeanstalkd(job, client, &random)
            return try compareEffects(&random)
        }
        // A client that waits gives no command but to stop, and to disconnect.
        switch isFree ? choice : choice < 12 ? 20 : 19 {
        case 0...4 where model.jobs.count > 40:
            try #require(queue.delete(job, by: client, at: now) == model.delete(job, client))
        case 0...4:
            let (priority, delay, timeToRun) = (random.small, random.isOneOf(3) ? random.small : 0, random.small)
            let body = Array("\(now.nanoseconds)".utf8)
            let id = queue.takeID()
            queue.notePut(by: client)
            let tags = random.isOneOf(2) ? nil : randomTags(&random)
            let former = queue.put(
                id, priority: priority, delay: delay, timeToRun: timeToRun, body, tags, by: client, at: now)
            let expected = model.put(priority: priority, delay: delay, timeToRun: timeToRun, body, tags, client)
            try #require(former?.id == expected)
        case 5...8:
            let timeout: UInt32? = random.isOneOf(3) ? nil : random.small
            try #require(
                queue.reserve(for: client, timeout: timeout, at: now) == model.reserve(client, timeout: timeout))
        case 9: try #require(queue.reserve(job, for: client, at: now) == model.reserve(job, client))
        case 10: try #require(queue.delete(job, by: client, at: now) == model.delete(job, client))
        case 11:
            let (priority, delay) = (random.small, random.isOneOf(2) ? random.small : 0)
            let place = queue.release(job, priority: priority, delay: delay, by: client, at: now)
            try #require(place == model.release(job, priority: priority, delay: delay, client))
        case 12:
            let priority = random.small
            try #require(
                queue.bury(job, priority: priority, by: client, at: now) == model.bury(job, priority: priority, client))
        case 13: try #require((queue.touch(job, by: client, at: now) != nil) == model.touch(job, client))
        case 14:
            let bound = UInt32.random(in: 0...3, using: &random)
            try #require(queue.kick(bound, by: client, at: now) == model.kick(bound, client))
        case 15: try #require(queue.kickJob(job, at: now) == model.kickJob(job))
        case 16:
            try #require(queue.watch(name, by: client) == model.watch(name, client))
        case 17:
            if random.isOneOf(2) {
                try #require(queue.ignore(name, by: client) == model.ignore(name, client))
            } else {
                queue.use(name, by: client)
                model.use(name, client)
            }
        case 18:
            let seconds = random.isOneOf(2) ? 0 : random.small
            try #require(queue.pause(name, seconds, at: now) == model.pause(name, seconds))
        case 20: advance(&random)
        default:
            if random.isOneOf(4) {
                queue.disconnect(client, at: now)
                model.disconnect(client)
                clients.removeAll { $0 == client }
            } else if random.isOneOf(4) {
                queue.stopWaiting(client, at: now)
                model.stopWaiting(client)
            } else {
                advance(&random)
            }
        }
        try compareEffects(&random)
    }

    private func randomTags(_ random: inout SeededGenerator) -> JobTags {
        JobTags(
            key: random.isOneOf(2) ? [] : [UInt8(random.small & 3) + 97], keySeconds: random.small,
            keepSeconds: random.small, attempts: random.small & 3,
            backoff: random.isOneOf(2) ? nil : JobTags.Backoff(first: random.small & 3, most: 5),
            isLeasedToConnection: random.isOneOf(4))
    }

    /// One random command that beanstalkd does not have.
    private mutating func stepBeyondBeanstalkd(
        _ job: UInt64, _ client: ClientID, _ random: inout SeededGenerator
    ) throws {
        let job = random.isOneOf(4) ? model.outcomes.suffix(10).randomElement(using: &random)?.job.id ?? job : job
        let text = Array("\(random.small)".utf8)
        switch Int.random(in: 0..<7, using: &random) {
        case 0:
            let percent = UInt8(random.small % 101)
            try #require(
                queue.progress(job, percent: percent, text: text, by: client, at: now)
                    == model.progress(job, percent, text, client))
        case 1: try #require(queue.finish(job, text, by: client, at: now) == model.finish(job, text, client))
        case 2:
            let delay: UInt32? = random.isOneOf(3) ? nil : random.small
            let attempts = random.small
            try #require(
                queue.fail(job, delay: delay, attempts: attempts, reason: text, by: client, at: now)
                    == model.fail(job, delay: delay, attempts: attempts, text, client))
        case 3 where random.isOneOf(3): try #require(queue.cancel(job, at: now) == model.cancel(job))
        case 4, 5:
            let (interest, seconds) = (random.isOneOf(2) ? JobQueue.Interest.end : .everything, random.small)
            try #require(
                queue.observe(job, interest, seconds: seconds, by: client, at: now)
                    == model.observe(job, interest, seconds: seconds, client))
        default: try #require(queue.status(of: job, at: now) == model.status(of: job))
        }
    }

    private mutating func compareEffects(_ random: inout SeededGenerator) throws {
        _ = random.next()
        // Waits that end at the same time end in no certain order.
        let effects = Set(queue.takeEffects())
        try #require(effects == Set(model.effects))
        model.effects = []
        steps += 1
        if steps % 10 == 0 { try compare() }
    }

    private mutating func advance(_ random: inout SeededGenerator) {
        // To the next timer, to just before it, or anywhere.
        let next = queue.nextTime?.nanoseconds ?? now.nanoseconds
        switch Int.random(in: 0..<3, using: &random) {
        case 0: now.nanoseconds = max(now.nanoseconds, next)
        case 1: now.nanoseconds = max(now.nanoseconds, next - 1)
        default: now.nanoseconds += Int64.random(in: 0...3_000_000_000, using: &random)
        }
        queue.advance(to: now)
        model.advance(to: now.nanoseconds)
    }

    private func randomJob(_ random: inout SeededGenerator) -> UInt64 {
        model.jobs.isEmpty || random.isOneOf(10)
            ? UInt64.random(in: 0...20, using: &random)
            : model.jobs[Int.random(in: model.jobs.indices, using: &random)].id
    }

    private func compare() throws {
        try #require(queue.tubeNames == model.tubes.map(\.name))
        let all = queue.statistics
        for (state, count) in [
            (JobState.ready, all.ready), (.reserved, all.reserved), (.delayed, all.delayed), (.buried, all.buried),
        ] {
            let expected = model.jobs.count { $0.state == state }
            try #require(expected == count)
        }
        let waiting = model.clients.count { $0.wait != nil }
        try #require(all.waiting == waiting)
        let observers = model.clients.count { $0.observed != nil }
        try #require(all.observers == observers)
        for outcome in model.outcomes.suffix(30) {
            try #require(queue.status(of: outcome.job.id, at: now) == model.status(of: outcome.job.id))
        }
        for job in model.jobs {
            let seen = try #require(queue.statistics(ofJob: job.id, at: now))
            try #require(seen.state == job.state && seen.tube == job.tube && seen.priority == job.priority)
            try #require(seen.counts == job.counts && seen.delay == job.delay)
            try #require(queue.status(of: job.id, at: now) == model.status(of: job.id))
            let isTimed = job.end != 0 && job.end != .max
            let lease = job.end == .max ? Int64(job.timeToRun) : 0
            let left = isTimed ? (job.end - now.nanoseconds) / Model.second : lease
            try #require(seen.timeLeft == left)
            try #require(seen.age == (now.nanoseconds - job.creation) / Model.second)
        }
        for tube in model.tubes {
            let seen = try #require(queue.statistics(ofTube: tube.name, at: now))
            try #require(seen.totalJobs == tube.totalJobs && seen.deletes == tube.deletes && seen.pauses == tube.pauses)
            try #require(seen.pause == tube.pause)
            let urgent = model.jobs.count { $0.tube == tube.name && $0.state == .ready && $0.priority < 1024 }
            try #require(seen.urgent == urgent)
            let waiting = model.clients.count { $0.wait != nil && $0.watched.contains(tube.name) }
            try #require(seen.waiting == waiting)
        }
        for client in model.clients {
            try #require(queue.watchedTubes(of: client.id) == client.watched)
            for state in [JobState.ready, .delayed, .buried] {
                try #require(queue.firstJob(state, for: client.id)?.id == model.first(state, client.id))
            }
        }
    }
}

extension SeededGenerator {
    /// A small number, sometimes a large one.
    var small: UInt32 {
        mutating get {
            isOneOf(10) ? UInt32.random(in: 1000...2000, using: &self) : UInt32.random(in: 0...4, using: &self)
        }
    }
}
