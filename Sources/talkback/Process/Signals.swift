// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization
import SystemPackage
import TalkbackRunner

/// What the process does when it gets a signal, while this is kept: each action is called on the main thread, which
/// does nothing else. What came since the signals were kept (``keep(_:)``) is there, too.
///
/// Not swift-service-lifecycle's `UnixSignalsSequence`, and not Dispatch: a signal that comes before their sources are
/// registered does what it does by default, so that an early SIGUSR1 kills the daemon and an early SIGTERM leaves a
/// socket's file behind; and they are registered by threads of Swift's pool, which on one processor is a single one.
final class Signals: Sendable {
    typealias Action = @Sendable () -> Void

    private let numbers: [Int32]

    private struct State {
        var actions: [Int32: Action] = [:]
        /// Signals that came when there was no action for them, in order.
        var waiting: [Int32] = []
    }

    private static let state = Mutex(State())

    /// Ends a program that runs for long.
    static let stopNumbers = [SIGTERM, SIGINT, SIGQUIT]
    /// Does not end a program that runs for long: a terminal that goes away, and what others use to rotate logs.
    static let harmlessNumbers = [SIGHUP, SIGUSR1, SIGUSR2]

    /// Calls an action each time its signal comes.
    init(_ actions: [Int32: Action]) {
        numbers = Array(actions.keys)
        do {
            try Self.keep(numbers)
        } catch {
            // Without descriptors for a pipe they do what they do by default: the program can be ended, if not so well.
            StandardStreams.complain("warning: \(error)")
        }
        let waiting = Self.state.withLock { state in
            state.actions.merge(actions) { $1 }
            let waiting = state.waiting.filter { actions[$0] != nil }
            state.waiting.removeAll { actions[$0] != nil }
            return waiting
        }
        for number in waiting { actions[number]?() }
    }

    /// Calls an action each time that the program is asked to end. Signals that are harmless to programs that run for
    /// long do nothing.
    ///
    /// - Parameter others: Actions in place of that.
    convenience init(stopping action: @escaping Action, others: [Int32: Action] = [:]) {
        var actions: [Int32: Action] = [:]
        for number in Self.harmlessNumbers { actions[number] = {} }
        for number in Self.stopNumbers { actions[number] = action }
        self.init(actions.merging(others) { $1 })
    }

    deinit {
        Self.state.withLock { [numbers] state in
            for number in numbers { state.actions[number] = nil }
        }
    }

    /// Gives the signals their default action again, for what is left to do and may take as long as it likes: writing a
    /// result that nobody reads.
    func release() {
        SignalPipe.release(numbers)
    }

    /// Has signals wait for an action from now on.
    static func keep(_ numbers: [Int32]) throws(CleanError) {
        do throws(Errno) {
            try installation.withLock { _ throws(Errno) in try SignalPipe.keep(numbers) }
        } catch {
            throw CleanError("handle signals: \(error)")
        }
        hasBegun.signal()
    }

    private static let installation = Mutex(())
    /// Signalled when there may be signals to take.
    private static let hasBegun = DispatchSemaphore(value: 0)

    /// Calls the actions, on this thread, which must be the main one, and for as long as the process lives.
    static func dispatch() -> Never {
        // The only thread that ever waits so: no part of the program needs it for anything else.
        hasBegun.wait()
        while true {
            guard let number = SignalPipe.next() else {
                sleep(1)
                continue
            }
            let action = state.withLock { state -> Action? in
                if let action = state.actions[number] { return action }
                if !state.waiting.contains(number) { state.waiting.append(number) }
                return nil
            }
            action?()
        }
    }
}
