// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

extension Engine {
    /// Executes what a connection has sent, and appends the reply, unless it waits.
    func execute(
        _ input: CommandParser.Input, for session: Session, at now: QueueTime, _ replies: inout [UInt8]
    ) {
        // What is due is done before anything that comes after it.
        if let next = queue.nextTime, next <= now { queue.advance(to: now) }
        switch input {
        case .command(let command):
            counters.count(command)
            if let reply = reply(to: command, session, now) { replies.append(reply) }
        case .body(let body): replies.append(finishPut(session, body, now))
        case .error(let error):
            if error == .expectedCRLF { session.put = nil }
            replies.append(Reply(error))
        case .jobTooBig:
            counters.put += 1
            replies.append(.jobTooBig)
        case .skippedBody:
            session.put = nil
            replies.append(.outOfMemory)
        }
    }

    private func beginPut(_ session: Session, _ header: PutHeader) {
        queue.notePut(by: session.client)
        session.put = (queue.takeID(), header)
        if isStoreFull || isOutOfMemory(header.byteCount) { session.parser.skipBody() }
    }

    private func finishPut(_ session: Session, _ body: [UInt8], _ now: QueueTime) -> Reply {
        guard let (id, header) = session.put else { return .internalError }
        session.put = nil
        if isDraining { return .draining }
        // The disk may have become full since the header.
        if isStoreFull { return .outOfMemory }
        queue.put(
            id, priority: header.priority, delay: header.delay, timeToRun: header.timeToRun, body,
            by: session.client, at: now)
        return .inserted(id)
    }

    /// - Returns: `nil` if there is none yet.
    private func reply(to command: Command, _ session: Session, _ now: QueueTime) -> Reply? {
        let client = session.client
        switch command {
        case .put(let header):
            beginPut(session, header)
            return nil
        case .use(let tube):
            queue.use(tube.bytes, by: client)
            return .using(tube)
        case .reserve: return reserve(session, nil, now)
        case .reserveWithTimeout(let seconds): return reserve(session, seconds, now)
        case .reserveJob(let id):
            return queue.reserve(id, for: client, at: now).map { .reserved($0.id, body: $0.body) } ?? notFound()
        case .delete(let id): return queue.delete(id, by: client) ? .deleted : notFound()
        case .release(let id, let priority, let delay):
            let isReleased = queue.release(id, priority: priority, delay: delay, by: client, at: now)
            return isReleased ? .released : notFound()
        case .bury(let id, let priority): return queue.bury(id, priority: priority, by: client) ? .buried : notFound()
        case .touch(let id): return queue.touch(id, by: client, at: now) ? .touched : notFound()
        case .watch(let tube): return .watching(queue.watch(tube.bytes, by: client))
        case .ignore(let tube): return queue.ignore(tube.bytes, by: client).map { .watching($0) } ?? .notIgnored
        case .peek(let id): return found(queue.job(id))
        case .peekReady: return found(queue.firstJob(.ready, for: client))
        case .peekDelayed: return found(queue.firstJob(.delayed, for: client))
        case .peekBuried: return found(queue.firstJob(.buried, for: client))
        case .kick(let bound):
            let count = queue.kick(bound, by: client, at: now)
            if count == 0 { queue.showAll() }
            return .kicked(count)
        case .kickJob(let id): return queue.kickJob(id, at: now) ? .kickedJob : notFound()
        case .stats:
            queue.showAll()
            return .ok(statistics().bytes)
        case .statsJob(let id): return jobStatistics(id, now).map { .ok($0.bytes) } ?? notFound()
        case .statsTube(let tube):
            queue.showAll()
            return tubeStatistics(tube, now).map { .ok($0.bytes) } ?? .notFound
        case .listTubes:
            queue.showAll()
            return list(queue.tubeNames)
        case .listTubeUsed: return TubeName(queue.usedTube(of: client)).map { .using($0) } ?? .internalError
        case .listTubesWatched: return list(queue.watchedTubes(of: client))
        case .pauseTube(let tube, let seconds):
            return queue.pause(tube.bytes, seconds, at: now) ? .paused : notFound()
        case .quit: return nil
        }
    }

    private func reserve(_ session: Session, _ timeout: UInt32?, _ now: QueueTime) -> Reply? {
        switch queue.reserve(for: session.client, timeout: timeout, at: now) {
        case .job(let job): return .reserved(job.id, body: job.body)
        case .deadlineSoon: return .deadlineSoon
        case .timedOut:
            queue.showAll()
            return .timedOut
        case .waiting:
            session.isWaiting = true
            return nil
        }
    }

    /// Says that there is no such thing. What there was may have gone a moment ago, so that counts as shown.
    private func notFound() -> Reply {
        queue.showAll()
        return .notFound
    }

    private func found(_ job: JobSnapshot?) -> Reply {
        job.map { .found($0.id, body: $0.body) } ?? notFound()
    }

    private func list(_ tubes: [[UInt8]]) -> Reply {
        var list = YAML()
        for tube in tubes { list.add(element: tube) }
        return .ok(list.bytes)
    }
}
