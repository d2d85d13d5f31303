// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// What the process does when it gets a signal.
final class Signals {
    private let sources: [any DispatchSourceSignal]

    /// SIGTERM and SIGINT stop, SIGUSR1 drains, SIGHUP does nothing.
    init(stop: @escaping @Sendable () -> Void, drain: @escaping @Sendable () -> Void) {
        let actions = [(SIGTERM, stop), (SIGINT, stop), (SIGUSR1, drain), (SIGHUP, {})]
        let registration = DispatchGroup()
        sources = actions.map { number, action in
            // The source is told of an ignored signal all the same, once it is registered; ignored later, it would not be.
            signal(number, SIG_IGN)
            registration.enter()
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
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
