// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc

/// SIGINT and SIGTERM, made into a call instead of the end of the process.
final class TerminationSignals {
    private let sources: [any DispatchSourceSignal]

    /// Calls `action` for each of the two signals that arrives, until this is forgotten.
    init(_ action: @escaping @Sendable () -> Void) {
        let registration = DispatchGroup()
        sources = [SIGINT, SIGTERM].map { number in
            // The source is told of an ignored signal all the same, once it is registered.
            signal(number, SIG_IGN)
            registration.enter()
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler(handler: action)
            source.setRegistrationHandler { registration.leave() }
            source.activate()
            return source
        }
        // A signal that came before would be lost.
        registration.wait()
    }

    deinit {
        for source in sources { source.cancel() }
    }
}
