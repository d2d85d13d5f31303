// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import JobQueue

/// What the engine knows of one connection. Only the engine uses it, on its event loop.
final class Session {
    let client: ClientID
    /// Given when a wait for a job ends.
    let signal: Signal
    /// Replies that were not sent yet.
    var output: [UInt8] = []
    var parser: CommandParser
    /// What has been received, and how much of it was taken.
    var input: [UInt8] = []
    var position = 0
    /// The put whose body is on its way.
    var put: (id: UInt64, header: PutHeader)?
    var isWaiting = false

    init(_ client: ClientID, _ signal: Signal, maximumJobSize: Int) {
        self.client = client
        self.signal = signal
        parser = CommandParser(maximumJobSize: maximumJobSize)
    }
}

/// Why the engine has stopped to take commands of a connection.
enum Pause: Sendable {
    /// All were taken.
    case needsInput
    /// There are more replies than should be kept: they are to be sent first.
    case needsOutput
    /// A worker waits for a job.
    case waiting
    /// The client has said good-bye.
    case quit
}
