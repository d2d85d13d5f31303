// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// What Scripts/namespaces has set up around the tests that it runs: a network namespace, in which they are root, and
/// in which settings and interfaces are as no test may make them elsewhere.
public enum Namespace {
    /// Whether the tests run in the namespace of that name: one of those in Scripts/namespaces.
    public static func isSet(up name: String) -> Bool {
        ProcessInfo.processInfo.environment["TALKBACK_NAMESPACE"] == name
    }

    /// Runs ip(8), to change the namespace, and says whether it did.
    public static func ip(_ arguments: String) -> Bool {
        // SAFETY: the string lives through the call.
        unsafe system("ip \(arguments)") == 0
    }
}
