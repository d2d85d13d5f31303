// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// What the process does when it gets a signal.
final class Signals {
    private let sources: [any DispatchSourceSignal]

    /// SIGTERM and SIGINT stop, SIGUSR1 drains, SIGHUP does nothing.
    init(stop: @escaping @Sendable () -> Void, drain: @escaping @Sendable () -> Void) {
        let actions = [(SIGTERM, stop), (SIGINT, stop), (SIGUSR1, drain), (SIGHUP, {})]
        sources = actions.map { number, action in
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler(handler: action)
            // A signal between ignoring it and watching for it would be lost.
            let isWatching = DispatchSemaphore(value: 0)
            source.setRegistrationHandler { isWatching.signal() }
            source.activate()
            isWatching.wait()
            signal(number, SIG_IGN)
            return source
        }
    }
}
