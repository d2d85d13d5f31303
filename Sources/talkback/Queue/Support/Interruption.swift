// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// SIGINT, SIGTERM and SIGQUIT, for commands that have something to bring to an end first. A second one ends the
/// program at once.
final class Interruption {
    private let request: Request
    private let signals: Signals

    private final class Request: Sendable {
        let wasMade = Atomic(false)
        let isIdle = Atomic(false)

        func make(_ number: Int32) {
            let isFirst = !wasMade.exchange(true, ordering: .sequentiallyConsistent)
            if isFirst && !isIdle.load(ordering: .sequentiallyConsistent) { return }
            signal(number, SIG_DFL)
            raise(number)
        }
    }

    init() {
        let request = Request()
        self.request = request
        var actions: [Int32: Signals.Action] = [:]
        for number in Signals.stopNumbers { actions[number] = { request.make(number) } }
        signals = Signals(actions)
    }

    deinit {
        signals.release()
    }

    /// Whether the program is to come to an end.
    var wasRequested: Bool { request.wasMade.load(ordering: .sequentiallyConsistent) }

    /// Waits for something that may never come, with nothing to bring to an end meanwhile.
    func idling<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        request.isIdle.store(true, ordering: .sequentiallyConsistent)
        defer { request.isIdle.store(false, ordering: .sequentiallyConsistent) }
        return try await body()
    }
}
