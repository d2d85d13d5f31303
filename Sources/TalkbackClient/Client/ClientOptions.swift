// SPDX-License-Identifier: Apache-2.0

/// How a ``Client`` deals with time.
public struct ClientOptions: Hashable, Sendable {
    /// How long making one connection may take.
    public var connectTimeout: Duration
    /// How long a call goes on trying to make a connection, with pauses that grow, before it fails with
    /// ``ClientError/Reason/cannotConnect(_:)``; zero is one attempt.
    public var patience: Duration
    /// How long the server may take to answer a command, beside the time that a reserve waits for a job. After that the
    /// connection is given up.
    public var replyTimeout: Duration

    /// What suits most programs.
    public init(
        connectTimeout: Duration = .seconds(5), patience: Duration = .seconds(30), replyTimeout: Duration = .seconds(30)
    ) {
        self.connectTimeout = connectTimeout
        self.patience = patience
        self.replyTimeout = replyTimeout
    }
}
