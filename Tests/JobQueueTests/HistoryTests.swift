// SPDX-License-Identifier: Apache-2.0

import JobQueue
import Testing

/// Jobs that have a past on another server, and what is said of a job.
@Suite(.timeLimit(.minutes(5)))
struct HistoryTests {
    private let queue = JobQueue(isRecording: true)
    private let client: ClientID
    private let now = QueueTime(nanoseconds: 0)

    init() {
        client = queue.connect()
    }

    private func put(_ history: JobHistory, _ tags: JobTags? = nil, delay: UInt32 = 0) -> UInt64 {
        let id = queue.takeID()
        queue.put(id, priority: 7, delay: delay, timeToRun: 9, [1], tags, history, by: client, at: now)
        return id
    }

    private static let counts = {
        var counts = JobCounts()
        (counts.reserves, counts.timeouts, counts.releases, counts.buries, counts.kicks) = (9, 8, 7, 6, 5)
        return counts
    }()

    @Test(arguments: [true, false], [0, 60] as [UInt32])
    func descriptionIsWhatAPutMakes(isBuried: Bool, delay: UInt32) throws {
        let history = JobHistory(counts: Self.counts, attempt: 2, reason: [0, 255], isBuried: isBuried)
        let tags = JobTags(
            key: [97], keySeconds: 3, keepSeconds: 4, attempts: 5, backoff: JobTags.Backoff(first: 6, most: 7),
            isLeasedToConnection: true)
        let id = put(history, tags, delay: delay)
        let description = try #require(queue.description(of: id, at: now))
        #expect(description.history == history)
        #expect(description.tags == tags)
        #expect(description.statistics.state == (isBuried ? .buried : delay > 0 ? .delayed : .ready))
        #expect(description.statistics.timeLeft == (isBuried ? 0 : Int64(delay)))
        #expect(description.statistics.delay == delay)
        #expect(description.statistics.counts == Self.counts)
        #expect(queue.description(of: id + 1, at: now) == nil)
    }

    @Test func reservedJobHasTheReasonOfTheAttemptBefore() {
        let id = put(JobHistory(reason: [1]))
        _ = queue.reserve(id, for: client, at: now)
        let description = queue.description(of: id, at: now)
        #expect(description?.history.reason == [1] && description?.history.attempt == 1)
    }

    /// Whoever says less than that is wrong about one of the two.
    @Test func jobWasReservedAtLeastAsOftenAsItWasTried() {
        let id = put(JobHistory(attempt: 3))
        #expect(queue.description(of: id, at: now)?.history.counts.reserves == 3)
        #expect(queue.status(of: id, at: now)?.attempt == 3)
    }

    @Test func attemptsGoOnWhereTheyWere() {
        let id = put(JobHistory(counts: Self.counts, attempt: 1), JobTags(attempts: 3))
        for attempt in 2...3 as ClosedRange<UInt32> {
            _ = queue.reserve(id, for: client, at: now)
            #expect(queue.status(of: id, at: now)?.attempt == attempt)
            let isLast = attempt == 3
            #expect(
                queue.fail(id, delay: 0, reason: [2], by: client, at: now) == .taken(isLast ? .buried : .released))
        }
    }

    @Test func jobWithoutAttemptsLeftIsBuried() {
        let id = put(JobHistory(attempt: 3), JobTags(attempts: 3))
        #expect(queue.status(of: id, at: now)?.state == .current(.buried))
        #expect(queue.kickJob(id, at: now))
        #expect(queue.status(of: id, at: now)?.attempt == 0)
    }

    @Test func buriedJobsAreKickedInTheOrderOfTheirPuts() {
        let ids = (0..<3).map { _ in put(JobHistory(isBuried: true), delay: 5) }
        for id in ids {
            #expect(queue.firstJob(.buried, for: client)?.id == id)
            #expect(queue.kick(1, by: client, at: now) == 1)
        }
        #expect(queue.statistics.ready == 3)
    }

    /// A key that is remembered is there to find a second submission, and a job that is moved is none.
    @Test func keyOfAJobThatHasEndedIsNotInTheWay() {
        let tags = JobTags(key: [97], keySeconds: 60)
        let first = put(JobHistory(), tags)
        #expect(queue.delete(first, by: client, at: now))
        let former = queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], tags, by: client, at: now)
        #expect(former?.id == first)
        let second = put(JobHistory(), tags)
        #expect(queue.status(of: second, at: now)?.state == .current(.ready))
        // One that is there is.
        let again = queue.put(
            queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], tags, JobHistory(), by: client, at: now)
        #expect(again?.id == second)
        queue.advance(to: QueueTime(nanoseconds: 61_000_000_000))
        #expect(queue.statistics.outcomes == 0 && queue.statistics.ready == 1)
        let last = queue.put(queue.takeID(), priority: 0, delay: 0, timeToRun: 1, [], tags, by: client, at: now)
        #expect(last?.id == second)
    }

    /// A reply must not leave before the state is kept too.
    @Test func replyWaitsForTheHistory() {
        let id = put(JobHistory(isBuried: true))
        #expect(queue.lastSequence == 2 && queue.job(id)?.sequence.number == 2)
    }
}
