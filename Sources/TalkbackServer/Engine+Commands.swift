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
        case .body(let body): replies.append(reply(toBody: body, session, now))
        case .error(let error):
            if error == .expectedCRLF { session.unfinished = nil }
            replies.append(Reply(error))
        case .jobTooBig:
            counters.put += 1
            replies.append(.jobTooBig)
        case .outcomeTooBig: replies.append(.tooBig)
        case .skippedBody: replies.append(replyToSkippedBody(session, now))
        }
    }

    private func reply(toBody body: [UInt8], _ session: Session, _ now: QueueTime) -> Reply {
        defer { session.unfinished = nil }
        switch session.unfinished {
        case .put(let id, let header): return finishPut(id, header, session, body, now)
        case .finish(let id, _): return finish(id, body, session, now)
        case .fail(let id, let retry): return fail(id, retry, body, session, now)
        case nil: return .internalError
        }
    }

    private func replyToSkippedBody(_ session: Session, _ now: QueueTime) -> Reply {
        defer { session.unfinished = nil }
        // Whose job it is comes first, or a worker would try again for nothing.
        if case .finish(let id, _) = session.unfinished, !queue.isHeld(id, by: session.client) {
            return finish(id, [], session, now)
        }
        return .outOfMemory
    }

    private func beginPut(_ session: Session, _ header: PutHeader) {
        queue.notePut(by: session.client)
        session.unfinished = .put(queue.takeID(), header)
        if isStoreFull || isOutOfMemory(header.byteCount) { session.parser.skipBody() }
    }

    private func finishPut(
        _ id: UInt64, _ header: PutHeader, _ session: Session, _ body: [UInt8], _ now: QueueTime
    ) -> Reply {
        if isDraining { return .draining }
        // The disk may have become full since the header.
        if isStoreFull { return .outOfMemory }
        let former = queue.put(
            id, priority: header.priority, delay: header.delay, timeToRun: header.timeToRun, body,
            header.tags.isEmpty ? nil : JobTags(header.tags), by: session.client, at: now)
        return former.map { .insertedBefore($0.id, StoredState($0.state)) } ?? .inserted(id)
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
        case .delete(let id): return queue.delete(id, by: client, at: now) ? .deleted : notFound()
        case .release(let id, let priority, let delay):
            return queue.release(id, priority: priority, delay: delay, by: client, at: now).map(Reply.init)
                ?? notFound()
        case .bury(let id, let priority):
            return queue.bury(id, priority: priority, by: client, at: now) ? .buried : notFound()
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
        case .progress(let id, let percent, let text):
            switch queue.progress(id, percent: percent, text: text, by: client, at: now) {
            case .taken: return .touched
            case .cancelled: return cancelled()
            case .notFound: return notFound()
            }
        case .finish(let id, let byteCount):
            beginFinish(session, id, byteCount)
            return nil
        case .fail(let id, let retry, _):
            session.unfinished = .fail(id, retry)
            return nil
        case .state(let id): return queue.status(of: id, at: now).map { .state(JobReport($0)) } ?? notFound()
        case .wait(let id, let seconds): return observe(id, .end, seconds, session, now)
        case .follow(let id, let seconds): return observe(id, .everything, seconds, session, now)
        case .cancel(let id):
            switch queue.cancel(id, at: now) {
            case .cancelled: return .cancelled
            case .tooLate: return .tooLate
            case .notFound: return notFound()
            }
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
    func notFound() -> Reply {
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
