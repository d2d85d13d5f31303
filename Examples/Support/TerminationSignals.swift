// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc

/// SIGINT and SIGTERM, made into a call instead of the end of the process.
final class TerminationSignals {
    private let sources: [any DispatchSourceSignal]

    /// Calls `action` for each of the two signals that arrives, until this is forgotten.
    init(_ action: @escaping @Sendable () -> Void) async {
        sources = [SIGINT, SIGTERM].map { number in
            // The source is told of an ignored signal all the same, once it is registered.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler(handler: action)
            return source
        }
        // A signal that came before would be lost. Waiting must not block: a thread of the pool that this runs on
        // registers them.
        for source in sources {
            await withCheckedContinuation { continuation in
                source.setRegistrationHandler { continuation.resume() }
                source.activate()
            }
        }
    }

    deinit {
        for source in sources { source.cancel() }
    }
}
