// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation

/// How far a load has come, shown where standard error is a terminal.
struct LoadProgress {
    private let load: Load
    private let duration: Duration

    init(_ load: Load, _ duration: Duration) {
        self.load = load
        self.duration = duration
    }

    /// Shows it until the task is cancelled. On the load's loop.
    func show(on loop: EventLoop) async {
        guard isatty(STDERR_FILENO) == 1 else { return }
        while !Task.isCancelled {
            guard (try? await loop.sleep(for: .milliseconds(200))) != nil, !Task.isCancelled else { break }
            let now = Load.now()
            let seconds = (now - load.start) / 1_000_000_000
            let text = "\(seconds) of \(duration / .seconds(1)) s: \(load.progress(at: now))"
            StandardStreams.show("\r\(text)\u{1B}[K")
        }
        StandardStreams.show("\r\u{1B}[K")
    }
}
