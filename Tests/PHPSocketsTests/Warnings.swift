// SPDX-License-Identifier: Apache-2.0

import PHPSockets
import Synchronization

/// Collects the warnings of this thread's calls, however many tests run on others.
enum Warnings {
    private static let collected = Mutex<[UInt: [PHPWarning]]>([:])
    private static let install: Void = {
        let before = PHPWarning.handler
        PHPWarning.handler = { warning in
            let isCollected = collected.withLock { collected in
                guard collected[thread] != nil else { return false }
                collected[thread, default: []].append(warning)
                return true
            }
            if !isCollected { before(warning) }
        }
    }()

    static func during(_ body: () throws -> Void) rethrows -> [PHPWarning] {
        install
        collected.withLock { $0[thread] = [] }
        defer { collected.withLock { $0[thread] = nil } }
        try body()
        return collected.withLock { $0[thread] ?? [] }
    }
}
