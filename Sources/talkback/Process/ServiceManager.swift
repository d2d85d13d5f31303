// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation
import Sockets

/// systemd, or whatever else has started the program and wants to know how it is: `sd_notify(3)`, which is a datagram
/// to the socket that the environment names.
struct ServiceManager: Sendable {
    private let address: SocketAddress?
    /// How often systemd wants to hear that the program is alive.
    private let watchdogInterval: Duration?

    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        address = environment["NOTIFY_SOCKET"].flatMap { try? SocketAddress(parsing: "unix:\($0)") }
        let isForThis = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        watchdogInterval =
            isForThis ? environment["WATCHDOG_USEC"].flatMap(Int64.init).map { .microseconds($0) } : nil
    }

    /// Tells something. Nobody there is no error: nobody asked then.
    ///
    /// - Parameter mode: Whether to wait for a service manager that is behind; otherwise what it has no room for is not
    ///   told.
    func say(_ text: String, mode: BlockingMode = .blocking) {
        guard let address else { return }
        guard let socket = try? Socket(.unix, .datagram, mode: mode) else { return }
        _ = try? socket.send(Array(text.utf8), to: address)
    }

    /// Tells twice in each interval that the loop is alive, from the loop: what does not come round tells nothing.
    func startWatchdog(on loop: EventLoop) -> Task<Void, any Error>? {
        guard address != nil, let watchdogInterval else { return nil }
        return Task(executorPreference: loop) {
            while true {
                // The loop waits for nobody, and there will be another sign of life in time.
                say("WATCHDOG=1", mode: .nonBlocking)
                try await loop.sleep(for: watchdogInterval / 2)
            }
        }
    }
}

/// How far the reading of the jobs has come: shown on a terminal, and told to systemd, so that it has patience.
final class ReadingProgress: @unchecked Sendable {
    // `@unchecked`: only the thread that reads the jobs uses it, and who comes after it.
    private let manager: ServiceManager
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var lastTime = ContinuousClock.now
    private var hasShown = false
    private(set) var count = 0

    init(_ manager: ServiceManager) {
        self.manager = manager
    }

    func show(_ count: Int, of total: Int) {
        self.count = count
        guard lastTime.duration(to: .now) > .milliseconds(200) else { return }
        lastTime = .now
        manager.say("EXTEND_TIMEOUT_USEC=30000000\nSTATUS=reading jobs: \(count) of \(total)")
        guard isTerminal else { return }
        hasShown = true
        LogStream.standardError.show("\rreading jobs: \(count) of \(total) (\(count * 100 / max(1, total)) %)")
    }

    func end() {
        if hasShown { LogStream.standardError.show("\r\u{1B}[K") }
    }
}
