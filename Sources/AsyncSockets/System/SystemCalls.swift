// SPDX-License-Identifier: Apache-2.0

internal import CSockets

/// What the system lets this process do.
enum SystemCalls {
    /// Whether no connection can be accepted at all, as under a seccomp filter.
    static var refuseAccepting: Bool { csockets_refuses_accept() != 0 }
}
