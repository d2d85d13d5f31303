// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// The tags of the wire, and what the queue has for them.

extension JobTags {
    /// - Returns: `nil` if none of the tags says how the job is to be treated.
    init?(_ tags: [PutTag]) {
        self.init()
        var isEmpty = true
        for tag in tags {
            switch tag {
            case .unique(let key, let seconds): (self.key, keySeconds) = (key.bytes, seconds)
            case .keep(let seconds): keepSeconds = seconds
            case .attempts(let count): attempts = count
            case .backoff(let first, let most): backoff = Backoff(first: first, most: most)
            case .leaseOfConnection: isLeasedToConnection = true
            case .tried, .counts, .buried, .reason: continue
            }
            isEmpty = false
        }
        if isEmpty { return nil }
    }

    var putTags: [PutTag] {
        var tags: [PutTag] = []
        if let key = TubeName(key) { tags.append(.unique(key, seconds: keySeconds)) }
        if keepSeconds > 0 { tags.append(.keep(seconds: keepSeconds)) }
        if attempts > 0 { tags.append(.attempts(attempts)) }
        if let backoff { tags.append(.backoff(first: backoff.first, most: backoff.most)) }
        if isLeasedToConnection { tags.append(.leaseOfConnection) }
        return tags
    }
}

extension JobHistory {
    /// - Returns: `nil` if none of the tags says what has happened to the job.
    init?(_ tags: [PutTag], reason: [UInt8]) {
        self.init(reason: reason)
        var isEmpty = true
        for tag in tags {
            switch tag {
            case .tried(let count): attempt = count
            case .counts(let counts): self.counts = JobCounts(counts)
            case .buried: isBuried = true
            case .reason: break
            case .unique, .keep, .attempts, .backoff, .leaseOfConnection: continue
            }
            isEmpty = false
        }
        if isEmpty { return nil }
    }

    var putTags: [PutTag] {
        var tags: [PutTag] = []
        if attempt > 0 { tags.append(.tried(attempt)) }
        if counts != JobCounts() { tags.append(.counts(TransitionCounts(counts))) }
        return tags
    }
}

extension JobCounts {
    init(_ counts: TransitionCounts) {
        self.init()
        reserves = counts.reserves
        timeouts = counts.timeouts
        releases = counts.releases
        buries = counts.buries
        kicks = counts.kicks
    }
}

extension TransitionCounts {
    init(_ counts: JobCounts) {
        self.init(
            reserves: counts.reserves, timeouts: counts.timeouts, releases: counts.releases, buries: counts.buries,
            kicks: counts.kicks)
    }
}

extension DescribedJob {
    init?(_ job: JobDescription) {
        let statistics = job.statistics
        guard let tube = TubeName(statistics.tube) else { return nil }
        self.init(
            id: statistics.id, tube: tube, state: State(statistics.state), age: UInt64(max(0, statistics.age)),
            timeLeft: UInt64(max(0, statistics.timeLeft)), priority: statistics.priority, delay: statistics.delay,
            timeToRun: statistics.timeToRun, tags: (job.tags?.putTags ?? []) + job.history.putTags,
            reason: job.history.reason)
    }
}

extension DescribedJob.State {
    fileprivate init(_ state: JobState) {
        self =
            switch state {
            case .ready: .ready
            case .reserved: .reserved
            case .delayed: .delayed
            case .buried: .buried
            }
    }
}
