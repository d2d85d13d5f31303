// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Logging
import TalkbackServer

/// What the process does when it gets a signal.
final class Signals {
    private let sources: [any DispatchSourceSignal]

    /// SIGTERM and SIGINT stop, SIGUSR1 drains, SIGHUP does nothing.
    convenience init(stop: @escaping @Sendable () -> Void, drain: @escaping @Sendable () -> Void) {
        let actions: [(Int32, @Sendable () -> Void)] = [
            (SIGTERM, stop), (SIGINT, stop), (SIGUSR1, drain), (SIGHUP, {}),
        ]
        self.init(actions)
    }

    /// Calls an action each time its signal comes, from any thread.
    init(_ actions: [(Int32, @Sendable () -> Void)]) {
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

/// What the signals ask for, from the beginning of the program: before there is a server, too.
final class Control: @unchecked Sendable {
    // `@unchecked`: what changes is used only under the lock.
    private let lock = NSLock()
    private let manager: ServiceManager
    private let logger: Logger
    private var server: Server?
    private var runners: Runners?
    private var isStopping = false
    private var isDraining = false

    init(_ manager: ServiceManager, _ logger: Logger) {
        self.manager = manager
        self.logger = logger
    }

    /// From now on there is a server.
    func begin(_ server: Server) {
        let isDraining = lock.withLock {
            self.server = server
            return self.isDraining
        }
        if isDraining { Task { await server.drain() } }
    }

    /// From now on there are workers.
    func begin(_ runners: Runners) {
        let isStopping = lock.withLock {
            self.runners = runners
            return self.isStopping
        }
        if isStopping { Task { await runners.stop() } }
    }

    @Sendable
    func stop() {
        manager.say("STOPPING=1")
        let (server, runners, isFirst) = lock.withLock {
            defer { isStopping = true }
            return (self.server, self.runners, !isStopping)
        }
        // Without a server nothing was promised to anybody.
        guard let server else { exit(0) }
        Task {
            await runners?.stop()
            // What the workers have finished is to be deleted.
            if isFirst { await runners?.waitUntilStopped() }
            if isFirst || runners == nil { await server.stop() }
        }
    }

    @Sendable
    func drain() {
        logger.notice("draining: no more jobs are taken")
        let server = lock.withLock {
            isDraining = true
            return self.server
        }
        if let server { Task { await server.drain() } }
    }
}
