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
    }

    static let defaultTube = Array("default".utf8)
    static let second: Int64 = 1_000_000_000

    var jobs: [Job] = []
    var tubes = [Tube(name: Model.defaultTube)]
    var clients: [Client] = []
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
        jobs.filter { $0.holder == id }.map { $0.end - Self.second }.min()
    }

    // MARK: Commands

    func connect(_ id: ClientID) { clients.append(Client(id: id)) }

    func disconnect(_ id: ClientID) {
        clients.remove(at: client(id))
        for index in jobs.indices where jobs[index].holder == id { becomeReady(index) }
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

    func put(priority: UInt32, delay: UInt32, timeToRun: UInt32, _ body: [UInt8], _ id: ClientID) -> UInt64 {
        let used = clients[client(id)].used
        var job = Job(
            id: nextID, tube: used, body: body, creation: now, timeToRun: max(1, timeToRun), priority: priority,
            delay: delay)
        nextID += 1
        if delay > 0 {
            job.state = .delayed
            job.end = now + Int64(delay) * Self.second
        }
        jobs.append(job)
        if let index = tube(used) { tubes[index].totalJobs += 1 }
        serve()
        return job.id
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
        guard clients[client(id)].wait != nil else { return }
        clients[client(id)].wait = nil
        effects.append(.timedOut(id))
    }

    func delete(_ id: UInt64, _ client: ClientID) -> Bool {
        guard let index = job(id), jobs[index].state != .reserved || jobs[index].holder == client else { return false }
        if let tube = tube(jobs[index].tube) { tubes[tube].deletes += 1 }
        jobs.remove(at: index)
        tidy()
        return true
    }

    private func held(_ id: UInt64, _ client: ClientID) -> Int? {
        job(id).flatMap { jobs[$0].holder == client ? $0 : nil }
    }

    func release(_ id: UInt64, priority: UInt32, delay: UInt32, _ client: ClientID) -> Bool {
        guard let index = held(id, client) else { return false }
        jobs[index].priority = priority
        jobs[index].delay = delay
        jobs[index].counts.releases += 1
        becomeReady(index)
        if delay > 0 {
            jobs[index].state = .delayed
            jobs[index].end = now + Int64(delay) * Self.second
        }
        serve()
        return true
    }

    func bury(_ id: UInt64, priority: UInt32, _ client: ClientID) -> Bool {
        guard let index = held(id, client) else { return false }
        jobs[index].priority = priority
        jobs[index].counts.buries += 1
        becomeReady(index)
        jobs[index].state = .buried
        burials += 1
        jobs[index].burial = burials
        return true
    }

    func touch(_ id: UInt64, _ client: ClientID) -> Bool {
        guard let index = held(id, client) else { return false }
        jobs[index].end = now + Int64(jobs[index].timeToRun) * Self.second
        return true
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
            jobs[index].counts.kicks += 1
            becomeReady(index)
            count += 1
        }
        serve()
        return count
    }

    func kickJob(_ id: UInt64) -> Bool {
        guard let index = job(id), jobs[index].state == .buried || jobs[index].state == .delayed else { return false }
        jobs[index].counts.kicks += 1
        becomeReady(index)
        serve()
        return true
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

    private func becomeReady(_ index: Int) {
        jobs[index].state = .ready
        jobs[index].holder = nil
        jobs[index].end = 0
    }

    private func give(_ index: Int, _ id: ClientID) -> JobSnapshot {
        jobs[index].state = .reserved
        jobs[index].holder = id
        jobs[index].end = now + Int64(jobs[index].timeToRun) * Self.second
        jobs[index].counts.reserves += 1
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
        for index in jobs.indices where jobs[index].state == .delayed || jobs[index].state == .reserved {
            guard jobs[index].end <= now else { continue }
            if jobs[index].state == .reserved { jobs[index].counts.timeouts += 1 }
            becomeReady(index)
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
    }
}
