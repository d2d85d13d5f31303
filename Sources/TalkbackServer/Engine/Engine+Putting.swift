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
        let former: JobStatus?
        if header.tags.isEmpty {
            former = queue.put(
                id, priority: header.priority, delay: header.delay, timeToRun: header.timeToRun, body, by: client,
                at: now)
        } else {
            let reasonCount = header.reasonByteCount
            former = queue.put(
                id, priority: header.priority, delay: header.delay, timeToRun: header.timeToRun,
                reasonCount == 0 ? body : Array(body[reasonCount...]), JobTags(header.tags),
                JobHistory(header.tags, reason: Array(body[..<reasonCount])), by: client, at: now)
        }
        guard let former else { return reply(.inserted(id), to: .put) }
        return reply(.insertedBefore(former.id, StoredState(former.state)), to: .put, showing: former.sequence)
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
