// SPDX-License-Identifier: Apache-2.0

/// Whether a socket's calls wait.
public enum BlockingMode: Hashable, Sendable {
    /// A call waits until it can do something. Every socket starts this way.
    case blocking
    /// A call that would have to wait returns at once and says so (`O_NONBLOCK`).
    case nonBlocking
}
