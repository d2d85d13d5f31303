// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// Jobs come in.
extension Engine {
    func beginPut(_ header: PutHeader, for client: ClientID) -> Execution {
        queue.notePut(by: client)
        let put = UnfinishedCommand.put(queue.takeID(), header)
        return isStoreFull || !hasRoom(forJobOf: header.byteCount) ? .skipsBody(put) : .awaitsBody(put)
    }

    func finishPut(
        _ id: UInt64, _ header: PutHeader, _ body: [UInt8], for client: ClientID, at now: QueueTime
    ) -> Execution {
        if isDraining { return refuse(.draining) }
        // The disk may have become full since the header.
        if isStoreFull { return refuse(.outOfMemory) }
        let former = queue.put(
            id, priority: header.priority, delay: header.delay, timeToRun: header.timeToRun, body,
            header.tags.isEmpty ? nil : JobTags(header.tags), by: client, at: now)
        guard let former else { return reply(.inserted(id), to: .put) }
        return reply(.insertedBefore(former.id, StoredState(former.state)), to: .put, showing: former.sequence)
    }
}

extension JobTags {
    fileprivate init(_ tags: [PutTag]) {
        self.init()
        for tag in tags {
            switch tag {
            case .unique(let key, let seconds): (self.key, keySeconds) = (key.bytes, seconds)
            case .keep(let seconds): keepSeconds = seconds
            case .attempts(let count): attempts = count
            case .backoff(let first, let most): backoff = Backoff(first: first, most: most)
            case .leaseOfConnection: isLeasedToConnection = true
            }
        }
    }
}

extension StoredState {
    fileprivate init(_ state: JobStatus.State) {
        self =
            switch state {
            case .current(.ready): .ready
            case .current(.reserved): .reserved
            case .current(.delayed): .delayed
            case .current(.buried): .buried
            case .ended: .deleted
            }
    }
}
