// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation
import Logging
import Sockets
import TalkbackServer

/// What the signals ask for, from the beginning of the program: before there is a server, too.
final class Control: @unchecked Sendable {
    // `@unchecked`: what changes is used only under the lock.
    private let lock = NSLock()
    private let manager: ServiceManager
    private let logger: Logger
    private let listeners: [Listener]
    private var server: Server?
    private var runners: Runners?
    private var isStopping = false
    private var isDraining = false

    init(_ manager: ServiceManager, _ listeners: [Listener], _ logger: Logger) {
        self.manager = manager
        self.listeners = listeners
        self.logger = logger
    }

    /// SIGTERM, SIGINT and SIGQUIT stop, SIGUSR1 drains, SIGHUP and SIGUSR2 do nothing; as long as this is kept.
    func handleSignals() -> Signals {
        Signals(stopping: stop, others: [SIGUSR1: drain])
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
    private func stop() {
        // Not to be waited for: the thread is the one that takes signals.
        manager.say("STOPPING=1", mode: .nonBlocking)
        let (server, runners, isFirst) = lock.withLock {
            defer { isStopping = true }
            return (self.server, self.runners, !isStopping)
        }
        guard let server else {
            // Without a server nothing was promised to anybody; but no socket's file is to stay behind.
            for listener in listeners { listener.close() }
            MainProgram.end(status: 0)
        }
        Task {
            await runners?.stop()
            // What the workers have finished is to be deleted.
            if isFirst { await runners?.waitUntilStopped() }
            if isFirst || runners == nil { await server.stop() }
        }
    }

    @Sendable
    private func drain() {
        logger.notice("draining: no more jobs are taken")
        let server = lock.withLock {
            isDraining = true
            return self.server
        }
        if let server { Task { await server.drain() } }
    }
}
