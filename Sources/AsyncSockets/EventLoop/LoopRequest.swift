// SPDX-License-Identifier: Apache-2.0

/// Work that a loop can be asked to do again and again without allocating: see ``EventLoop/soon(_:)``,
/// ``EventLoop/whenIdle(_:)`` and ``EventLoop/request(_:)``.
package final class LoopRequest: LoopWork, Sendable {
    private let body: @Sendable () -> Void

    /// Work that consists of calling `body`, on the loop's thread.
    package init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    package func work() { body() }
}
