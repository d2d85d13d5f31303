// SPDX-License-Identifier: Apache-2.0

/// Returns when something is so.
///
/// For what nothing tells of: what another process has done by now. It looks again and again, a moment apart, and the
/// suite's time limit is the bound.
public func waitUntil(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

/// Goes on until the task is cancelled, which throws: the longest work there is.
public func workUntilCancelled() async throws {
    // Longer than any suite may take.
    try await Task.sleep(for: .seconds(3600))
}
