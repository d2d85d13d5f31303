// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets

/// Keeps a job its worker's while a handler works on it, tells the server how far that is, and finds out when the job
/// is the worker's no more.
actor JobReporter {
    private nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private nonisolated let job: ReservedJob
    /// Why the job is no longer this worker's.
    private(set) var loss: ClientError?
    /// Cancelled when it is not.
    private var work: Task<[UInt8], any Error>?

    init(_ job: ReservedJob, on loop: EventLoop) {
        self.job = job
        self.loop = loop
    }

    func begin(_ work: Task<[UInt8], any Error>) {
        self.work = work
        if loss != nil { work.cancel() }
    }

    func progress(_ percent: Int, _ text: [UInt8]) async throws(ClientError) {
        do throws(ClientError) {
            try await job.progress(percent, text)
        } catch {
            note(error)
            throw error
        }
    }

    /// Touches the job again and again until the task is cancelled, or the job lost.
    func touch(every interval: Duration) async {
        var nextTouch = ContinuousClock.now + interval
        while loss == nil {
            let left = ContinuousClock.now.duration(to: nextTouch)
            guard (try? await loop.sleep(for: min(left, .seconds(1)))) != nil else { return }
            do throws(ClientError) {
                guard ContinuousClock.now >= nextTouch else {
                    // That its connection has ended is known before the touch.
                    if await job.isLost { throw ClientError("work on job \(job.id)", .jobLost) }
                    continue
                }
                nextTouch = ContinuousClock.now + interval
                try await job.touch()
            } catch {
                if error.reason == .cancelled { return }
                note(error)
            }
        }
    }

    private func note(_ error: ClientError) {
        switch error.reason {
        case .notFound, .jobLost, .jobCancelled, .closed, .outcomeUnknown:
            loss = loss ?? error
            work?.cancel()
        // A server that has some trouble; the next touch may come in time.
        default: break
        }
    }
}
