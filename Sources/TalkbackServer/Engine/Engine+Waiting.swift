// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// What happens to clients beside their commands: they come, go, and are told what they wait for.
extension Engine {
    func connect() -> ClientID { queue.connect() }

    /// Gives a client's jobs to others: it is gone, or sends no more.
    func disconnect(_ client: ClientID, at now: QueueTime) {
        queue.disconnect(client, at: now)
    }

    /// Ends a client's wait, as if its time were over.
    func stopWaiting(_ client: ClientID, at now: QueueTime) {
        queue.stopWaiting(client, at: now)
    }

    /// Does what is due.
    func timerFired(at now: QueueTime) {
        queue.advance(to: now)
    }

    /// Takes the replies to clients that wait, in order.
    func takeDeliveries(_ deliver: (Delivery) -> Void) {
        guard queue.hasEffects else { return }
        for effect in queue.takeEffects() { deliver(delivery(of: effect)) }
    }

    private func delivery(of effect: JobQueue.Effect) -> Delivery {
        switch effect {
        case .reserved(let client, let job):
            let reply = Reply.reserved(job.id, body: job.body)
            return last(answer(reply, from: .waiting(.reserved), showing: job.sequence), client)
        case .deadlineSoon(let client): return last(answer(.deadlineSoon, from: .waiting(.deadlineSoon)), client)
        case .timedOut(let client): return last(answer(.timedOut, from: .waiting(.timedOut)), client)
        case .observed(let client, let status, isLast: true):
            return last(report(status, from: .waiting(.observed)), client)
        case .observed(let client, let status, isLast: false):
            let answer = report(status, from: .waiting(.observed))
            return Delivery(client: client, answer: answer, kind: .update(job: status.id))
        }
    }

    private func last(_ answer: Answer, _ client: ClientID) -> Delivery {
        Delivery(client: client, answer: answer, kind: .last)
    }
}
