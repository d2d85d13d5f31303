// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Synchronization

/// When a byte has last come or gone.
final class Activity: Sendable {
    private let origin = ContinuousClock.now
    /// In nanoseconds since the origin.
    private let last = Atomic<Int64>(0)
    private let isPaused = Atomic(false)

    private var now: Int64 {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// Says that a byte has come or gone.
    func touch() {
        last.store(now, ordering: .relaxed)
    }

    /// Says that a byte has come, and that what happens from now on is not the peer's silence.
    func pause() {
        isPaused.store(true, ordering: .relaxed)
    }

    /// Says that silence is the peer's again.
    func resume() {
        touch()
        isPaused.store(false, ordering: .releasing)
    }

    /// Waits until nothing has come or gone for so long.
    func waitForSilence(of limit: Duration, on loop: EventLoop) async throws(CancellationError) {
        touch()
        while true {
            let isPaused = isPaused.load(ordering: .acquiring)
            let silence = isPaused ? .zero : Duration.nanoseconds(now - last.load(ordering: .relaxed))
            guard silence < limit else { return }
            try await loop.sleep(for: limit - silence)
        }
    }
}
