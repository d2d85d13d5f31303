// SPDX-License-Identifier: Apache-2.0

import Sockets
import Synchronization
import SystemPackage

/// How much memory all requests of a server may take together, so that many clients cannot do what one is kept from.
final class MemoryBudget: Sendable {
    private let left: Mutex<Int>

    init(bytes: Int) {
        left = Mutex(bytes)
    }

    /// The part of a budget that one request has taken. It is given back when the request is forgotten.
    final class Share {
        private let budget: MemoryBudget
        private var bytes = 0

        init(of budget: MemoryBudget) {
            self.budget = budget
        }

        deinit {
            budget.left.withLock { $0 += bytes }
        }

        /// Takes as much more as makes the share so large.
        ///
        /// - Throws: `SocketError` with `ENOBUFS` when the budget does not have it.
        func grow(to size: Int) throws(SocketError) {
            let missing = max(0, size - bytes)
            let isLeft = budget.left.withLock { left in
                guard left >= missing else { return false }
                left -= missing
                return true
            }
            guard isLeft else { throw SocketError(.receive, .system(.noBufferSpace)) }
            bytes += missing
        }
    }
}
