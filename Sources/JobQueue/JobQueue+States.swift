// SPDX-License-Identifier: Apache-2.0

extension JobQueue {
    /// Takes a job out of the state that it is in. It must be put into another one, or be forgotten.
    func takeOut(_ job: Job) {
        let tube = job.tube
        switch job.state {
        case .ready:
            tube.ready.remove(job)
            totals.ready -= 1
            if job.isUrgent {
                tube.urgentCount -= 1
                totals.urgent -= 1
            }
        case .delayed:
            tube.delayed.remove(job)
            timers.jobs.remove(job)
            totals.delayed -= 1
        case .buried:
            tube.buried.remove(job)
            totals.buried -= 1
        case .reserved:
            job.holder?.reserved.remove(job)
            job.holder = nil
            timers.jobs.remove(job)
            tube.reserved.remove(job)
            totals.reserved -= 1
        }
    }

    /// Makes a job ready. Whoever waits for it gets it from ``serveWaiters(at:)``.
    func makeReady(_ job: Job, at now: QueueTime) {
        job.state = .ready
        job.since = now
        job.tube.ready.insert(job)
        totals.ready += 1
        if job.isUrgent {
            job.tube.urgentCount += 1
            totals.urgent += 1
        }
        noteReady(job.tube)
    }

    private func noteReady(_ tube: Tube) {
        if tube.waiters.count > 0, awaited.last !== tube { awaited.append(tube) }
    }

    func makeDelayed(_ job: Job, until time: QueueTime, at now: QueueTime) {
        job.state = .delayed
        job.since = now
        timers.jobs.set(job, to: time)
        job.tube.delayed.insert(job)
        totals.delayed += 1
    }

    /// Gives ready jobs to those who wait: as long as there are both, the most urgent of all to the client that has
    /// waited longest at its tube.
    ///
    /// A ready job and a client that waits for it are never both there before a call and after it, so only the tubes in
    /// which the call has changed something need be looked at.
    func serveWaiters(at now: QueueTime) {
        while true {
            var best: Job?
            for tube in awaited {
                guard !tube.isPaused, tube.waiters.count > 0, let job = tube.ready.first else { continue }
                if best.map({ ByPriority.key(of: job) < ByPriority.key(of: $0) }) ?? true { best = job }
            }
            guard let best, let client = best.tube.waiters.longestWaiting() else { break }
            endWait(client)
            reserve(best, for: client, at: now)
            effects.append(.reserved(client.id, JobSnapshot(best)))
        }
        awaited.removeAll(keepingCapacity: true)
    }

    // MARK: Time

    /// When ``advance(to:)`` has something to do next; `nil` if it has nothing.
    public var nextTime: QueueTime? {
        let time = timers.nextTime
        return time < .never ? time : nil
    }

    /// Does what is due: delays, times to run and pauses end, then those who wait are served, then waits end.
    public func advance(to now: QueueTime) {
        while let job = timers.jobs.removeFirst(through: now) { jobIsDue(job, at: now) }
        while let tube = timers.tubes.removeFirst(through: now) {
            tube.pause = 0
            noteReady(tube)
            // One that was restored may never have been used.
            removeIfUnused(tube)
        }
        while let outcome = timers.outcomes.removeFirst(through: now) { outcomeIsDue(outcome, at: now) }
        while let client = timers.clients.removeFirst(through: now) { overdue.append(client) }
        if !dying.isEmpty {
            // What is due at one time has no order in the heap.
            for job in dying.sorted(by: { $0.id < $1.id }) {
                takeBack(job, hasTimedOut: true, at: now)
            }
            dying.removeAll()
        }
        serveWaiters(at: now)
        for client in overdue {
            if client.isWaiting {
                waitIsOver(client, at: now)
            } else if client.observed != nil {
                observationIsOver(client, at: now)
            }
        }
        overdue.removeAll(keepingCapacity: true)
    }

    private func jobIsDue(_ job: Job, at now: QueueTime) {
        guard job.state == .reserved else {
            takeOut(job)
            makeReady(job, at: now)
            return hasChanged(job, at: now)
        }
        if job.isUsedUp { dying.append(job) } else { takeBack(job, hasTimedOut: true, at: now) }
    }

    private func waitIsOver(_ client: Client, at now: QueueTime) {
        if let margin = client.marginStart, margin <= now {
            endWait(client)
            effects.append(.deadlineSoon(client.id))
        } else if let end = client.waitEnd, end <= now {
            endWait(client)
            effects.append(.timedOut(client.id))
        } else {
            // It had a deadline, but the time has passed that too, and the job is not the client's any more.
            startTimer(of: client)
        }
    }

    // MARK: Pausing

    /// Keeps the jobs of a tube from being reserved for so many seconds; 0 ends a pause.
    ///
    /// - Returns: Whether there is such a tube.
    public func pause(_ name: [UInt8], _ seconds: UInt32, at now: QueueTime) -> Bool {
        guard let tube = tubesByName[name] else { return false }
        tube.pause = seconds
        tube.pauseCount += 1
        if seconds > 0 {
            timers.tubes.set(tube, to: now + seconds)
        } else {
            timers.tubes.remove(tube)
            noteReady(tube)
        }
        record(pause: tube)
        if seconds == 0 { serveWaiters(at: now) }
        return true
    }
}
