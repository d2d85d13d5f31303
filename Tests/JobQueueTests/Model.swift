// SPDX-License-Identifier: Apache-2.0

import JobQueue

/// The rules once more, so simply that they are obviously right: everything is in lists, and everything is searched.
final class Model {
    struct Job {
        let id: UInt64
        let tube: [UInt8]
        let body: [UInt8]
        let creation: Int64
        let timeToRun: UInt32
        var priority: UInt32
        var delay: UInt32
        var state = JobState.ready
        var end: Int64 = 0
        var burial = 0
        var holder: ClientID?
        var counts = JobCounts()
        let tags: JobTags?
        var since: Int64
        var percent: UInt8 = 0
        var text: [UInt8] = []
        var reason: [UInt8] = []
        var formerReserves: UInt32 = 0

        var attempt: UInt32 { counts.reserves - formerReserves }
        var isUsedUp: Bool { tags.map { $0.attempts > 0 && attempt >= $0.attempts } ?? false }
    }

    struct Outcome {
        let job: Job
        let end: JobEnd
        let time: Int64
        let data: [UInt8]
        var keptUntil: Int64 { time + Int64(job.tags?.keepSeconds ?? 0) * second }
        var uniqueUntil: Int64 { time + Int64(job.tags?.keySeconds ?? 0) * second }
    }

    struct Tube {
        let name: [UInt8]
        var pause: UInt32 = 0
        var pauseEnd: Int64 = 0
        var totalJobs: UInt64 = 0
        var deletes: UInt64 = 0
        var pauses: UInt64 = 0
    }

    struct Client {
        let id: ClientID
        var used = Model.defaultTube
        var watched = [Model.defaultTube]
        /// The number of the wait, and when it ends.
        var wait: (number: Int, end: Int64)?
        /// The job that it observes, and until when.
        var observed: (id: UInt64, isFollower: Bool, end: Int64)?
        var cancelled: Set<UInt64> = []
    }

    static let defaultTube = Array("default".utf8)
    static let second: Int64 = 1_000_000_000

    var jobs: [Job] = []
    var tubes = [Tube(name: Model.defaultTube)]
    var clients: [Client] = []
    /// All that anything may still be asked of.
    var outcomes: [Outcome] = []
    var effects: [JobQueue.Effect] = []
    var now: Int64 = 0
    private var nextID: UInt64 = 1
    private var waits = 0
    private var burials = 0

    // MARK: Finding

    private func client(_ id: ClientID) -> Int { clients.firstIndex { $0.id == id } ?? 0 }
    private func tube(_ name: [UInt8]) -> Int? { tubes.firstIndex { $0.name == name } }
    func job(_ id: UInt64) -> Int? { jobs.firstIndex { $0.id == id } }

    private func make(_ name: [UInt8]) {
        if tube(name) == nil { tubes.append(Tube(name: name)) }
    }

    private func tidy() {
        // One at a time: the last tube takes the place of one that goes.
        while let index = tubes.firstIndex(where: { tube in
            tube.name != Self.defaultTube && !jobs.contains { $0.tube == tube.name }
                && !clients.contains { $0.used == tube.name || $0.watched.contains(tube.name) }
        }) {
            tubes.swapAt(index, tubes.count - 1)
            tubes.removeLast()
        }
    }

    private func isPaused(_ name: [UInt8]) -> Bool { tube(name).map { tubes[$0].pause > 0 } ?? false }

    private func mostUrgent(_ isCandidate: (Job) -> Bool) -> Int? {
        jobs.indices.filter { jobs[$0].state == .ready && isCandidate(jobs[$0]) }
            .min { (jobs[$0].priority, jobs[$0].id) < (jobs[$1].priority, jobs[$1].id) }
    }

    private func margin(_ id: ClientID) -> Int64? {
        jobs.filter { $0.holder == id && $0.end < .max }.map { $0.end - Self.second }.min()
    }

    // MARK: Commands

    func connect(_ id: ClientID) { clients.append(Client(id: id)) }

    func disconnect(_ id: ClientID) {
        clients.remove(at: client(id))
        let held = jobs.filter { $0.holder == id }.sorted { ($0.end, $0.id) < ($1.end, $1.id) }
        for job in held { self.job(job.id).map { takeBack($0, "its connection ended") } }
        serve()
        tidy()
    }

    func use(_ name: [UInt8], _ id: ClientID) {
        make(name)
        clients[client(id)].used = name
        tidy()
    }

    func watch(_ name: [UInt8], _ id: ClientID) -> Int {
        make(name)
        let index = client(id)
        if !clients[index].watched.contains(name) { clients[index].watched.append(name) }
        return clients[index].watched.count
    }

    func ignore(_ name: [UInt8], _ id: ClientID) -> Int? {
        let index = client(id)
        guard let place = clients[index].watched.firstIndex(of: name) else { return clients[index].watched.count }
        if clients[index].watched.count == 1 { return nil }
        clients[index].watched.swapAt(place, clients[index].watched.count - 1)
        clients[index].watched.removeLast()
        tidy()
        return clients[index].watched.count
    }

    /// - Returns: The job with the key that was there before, if there is one.
    func put(
        priority: UInt32, delay: UInt32, timeToRun: UInt32, _ body: [UInt8], _ tags: JobTags?, _ id: ClientID
    ) -> UInt64? {
        defer { nextID += 1 }
        let used = clients[client(id)].used
        var job = Job(
            id: nextID, tube: used, body: body, creation: now, timeToRun: max(1, timeToRun), priority: priority,
            delay: delay, tags: tags, since: now)
        if let key = tags?.key, !key.isEmpty {
            if let former = jobs.first(where: { $0.tags?.key == key && $0.tube == used }) { return former.id }
            if let former = outcomes.last(where: {
                $0.job.tags?.key == key && $0.job.tube == used && $0.uniqueUntil > now
            }) {
                return former.job.id
            }
        }
        if delay > 0 {
            job.state = .delayed
            job.end = now + Int64(delay) * Self.second
        }
        jobs.append(job)
        if let index = tube(used) { tubes[index].totalJobs += 1 }
        serve()
        return nil
    }

    func reserve(_ id: ClientID, timeout: UInt32?) -> JobQueue.Reservation? {
        let index = client(id)
        if clients[index].wait != nil { return nil }
        let watched = clients[index].watched
        if let job = mostUrgent({ watched.contains($0.tube) && !isPaused($0.tube) }) { return .job(give(job, id)) }
        if let margin = margin(id), margin <= now { return .deadlineSoon }
        if timeout == 0 { return .timedOut }
        waits += 1
        clients[index].wait = (waits, timeout.map { now + Int64($0) * Self.second } ?? .max)
        return .waiting
    }

    func reserve(_ job: UInt64, _ id: ClientID) -> JobSnapshot? {
        guard let index = self.job(job), jobs[index].state != .reserved else { return nil }
        return give(index, id)
    }

    func stopWaiting(_ id: ClientID) {
        if clients[client(id)].wait != nil {
            clients[client(id)].wait = nil
            effects.append(.timedOut(id))
        } else if clients[client(id)].observed != nil {
            stopObserving(id)
        }
    }

    func delete(_ id: UInt64, _ client: ClientID) -> Bool {
        guard let index = job(id), jobs[index].state != .reserved || jobs[index].holder == client else { return false }
        switch jobs[index].state {
        case .reserved: end(index, .done, [])
        case .buried: end(index, .failed, jobs[index].reason)
        case .ready, .delayed: end(index, .cancelled, [])
        }
        return true
    }

    private func held(_ id: UInt64, _ client: ClientID) -> Int? {
        job(id).flatMap { jobs[$0].holder == client ? $0 : nil }
    }

    func release(_ id: UInt64, priority: UInt32, delay: UInt32, _ client: ClientID) -> JobQueue.Returned? {
        guard let index = held(id, client) else { return nil }
        jobs[index].priority = priority
        let reason = jobs[index].isUsedUp ? Array("released with no attempts left".utf8) : []
        return giveBack(index, delay, reason)
    }

    func giveBack(_ index: Int, _ delay: UInt32, _ reason: [UInt8], isLast: Bool = false) -> JobQueue.Returned {
        jobs[index].delay = delay
        jobs[index].counts.releases += 1
        jobs[index].reason = reason
        if jobs[index].isUsedUp || isLast {
            die(index)
            return .buried
        }
        if delay > 0 {
            become(.delayed, index)
            jobs[index].end = now + Int64(delay) * Self.second
            tellObservers(index)
        } else {
            becomeReady(index)
        }
        serve()
        return .released
    }

    func bury(_ id: UInt64, priority: UInt32, _ client: ClientID) -> Bool {
        guard let index = held(id, client) else { return false }
        jobs[index].priority = priority
        jobs[index].reason = []
        die(index)
        return true
    }

    func touch(_ id: UInt64, _ client: ClientID) -> Bool {
        guard let index = held(id, client) else { return false }
        startLease(index)
        return true
    }

    private func startLease(_ index: Int) {
        let isLeased = jobs[index].tags?.isLeasedToConnection ?? false
        jobs[index].end = isLeased ? .max : now + Int64(jobs[index].timeToRun) * Self.second
    }

    func first(_ state: JobState, _ id: ClientID) -> UInt64? {
        let used = clients[client(id)].used
        let there = jobs.filter { $0.tube == used && $0.state == state }
        return switch state {
        case .ready: there.min { ($0.priority, $0.id) < ($1.priority, $1.id) }?.id
        case .delayed: there.min { ($0.end, $0.id) < ($1.end, $1.id) }?.id
        case .buried: there.min { $0.burial < $1.burial }?.id
        case .reserved: nil
        }
    }

    func kick(_ bound: UInt32, _ id: ClientID) -> Int {
        let state: JobState = first(.buried, id) != nil ? .buried : .delayed
        var count = 0
        while count < bound, let job = first(state, id), let index = self.job(job) {
            kick(index)
            count += 1
        }
        serve()
        return count
    }

    func kickJob(_ id: UInt64) -> Bool {
        guard let index = job(id), jobs[index].state == .buried || jobs[index].state == .delayed else { return false }
        kick(index)
        serve()
        return true
    }

    private func kick(_ index: Int) {
        jobs[index].counts.kicks += 1
        jobs[index].formerReserves = jobs[index].counts.reserves
        becomeReady(index)
    }

    func pause(_ name: [UInt8], _ seconds: UInt32) -> Bool {
        guard let index = tube(name) else { return false }
        tubes[index].pause = seconds
        tubes[index].pauses += 1
        tubes[index].pauseEnd = now + Int64(seconds) * Self.second
        serve()
        return true
    }

    // MARK: Rules

    private func become(_ state: JobState, _ index: Int) {
        jobs[index].state = state
        jobs[index].since = now
        jobs[index].holder = nil
        jobs[index].end = 0
    }

    private func becomeReady(_ index: Int) {
        become(.ready, index)
        tellObservers(index)
    }

    func die(_ index: Int) {
        become(.buried, index)
        jobs[index].counts.buries += 1
        burials += 1
        jobs[index].burial = burials
        tellObservers(index)
    }

    private func takeBack(_ index: Int, _ loss: String) {
        if jobs[index].tags != nil { jobs[index].reason = Array("the worker was lost: \(loss)".utf8) }
        if jobs[index].isUsedUp { die(index) } else { becomeReady(index) }
    }

    func end(_ index: Int, _ end: JobEnd, _ data: [UInt8]) {
        let outcome = Outcome(job: jobs[index], end: end, time: now, data: data)
        if let tube = tube(jobs[index].tube) { tubes[tube].deletes += 1 }
        jobs.remove(at: index)
        if outcome.keptUntil > now || outcome.uniqueUntil > now { outcomes.append(outcome) }
        tellObservers(of: outcome.job.id, status(outcome))
        tidy()
    }

    private func give(_ index: Int, _ id: ClientID) -> JobSnapshot {
        become(.reserved, index)
        jobs[index].holder = id
        startLease(index)
        jobs[index].counts.reserves += 1
        (jobs[index].percent, jobs[index].text) = (0, [])
        tellObservers(index)
        return JobSnapshot(id: jobs[index].id, body: jobs[index].body)
    }

    /// The most urgent job for which somebody waits goes to whoever has waited longest for it; again and again.
    private func serve() {
        func waiting(_ tube: [UInt8]) -> Int? {
            clients.indices.filter { clients[$0].wait != nil && clients[$0].watched.contains(tube) }
                .min { (clients[$0].wait?.number ?? 0) < (clients[$1].wait?.number ?? 0) }
        }
        while let job = mostUrgent({ !isPaused($0.tube) && waiting($0.tube) != nil }),
            let index = waiting(jobs[job].tube)
        {
            clients[index].wait = nil
            effects.append(.reserved(clients[index].id, give(job, clients[index].id)))
        }
    }

    /// Everything that is due ends, then those who wait are served, then waits end.
    func advance(to time: Int64) {
        now = time
        outcomes.removeAll { $0.keptUntil <= now && $0.uniqueUntil <= now }
        for index in jobs.indices where jobs[index].state == .delayed || jobs[index].state == .reserved {
            guard jobs[index].end <= now else { continue }
            if jobs[index].state == .reserved {
                jobs[index].counts.timeouts += 1
                takeBack(index, "its time to run was over")
            } else {
                becomeReady(index)
            }
        }
        for index in tubes.indices where tubes[index].pause > 0 && tubes[index].pauseEnd <= now {
            tubes[index].pause = 0
        }
        serve()
        let over = clients.filter { client in
            client.wait.map { $0.end <= now || (margin(client.id) ?? .max) <= now } ?? false
        }
        for client in over {
            let isDeadlineSoon = (margin(client.id) ?? .max) <= now
            clients[self.client(client.id)].wait = nil
            effects.append(isDeadlineSoon ? .deadlineSoon(client.id) : .timedOut(client.id))
        }
        for client in clients {
            if let observed = client.observed, observed.end <= now { stopObserving(client.id) }
        }
    }
}
