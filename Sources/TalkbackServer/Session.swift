// SPDX-License-Identifier: Apache-2.0

internal import AsyncSockets
internal import BeanstalkProtocol
internal import JobQueue
internal import Sockets

/// What the engine knows of one connection. Only the engine uses it, on its event loop.
final class Session {
    let client: ClientID
    let connection: Connection
    let exchange: Exchange
    /// Whether the client speaks another protocol; `nil` once it is known that it does not.
    var detector: ForeignProtocolDetector? = ForeignProtocolDetector(.beanstalk)
    /// What the client speaks in place of commands: why the connection ends.
    var foreignProtocol: ForeignProtocol?
    var parser: CommandParser
    /// Commands that have arrived and wait, and how much of them was taken.
    var input: [UInt8] = []
    var inputPosition = 0
    /// The command whose body is on its way.
    var unfinished: Unfinished?
    /// Replies that were not sent yet, and how much of them was.
    var output: [UInt8] = []
    var outputPosition = 0
    /// From where on the output must wait until the store has come so far, in order.
    var barriers: [(start: Int, sequence: UInt64)] = []
    /// Bytes that the connection holds of a body that has not arrived whole.
    var pendingBytes = 0

    /// It waits for a job, or for one to end, and what it has sent behind its command waits too.
    var isWaiting = false
    /// A job that it follows has changed while it did not read, so it is to be told how that is now.
    var missedJob: UInt64?
    /// There may be something to receive that no event will tell of.
    var isReadable = true
    /// The peer sends no more, so that each receive may be the last.
    var isHalfClosed = false
    /// A receive that gets less than it could may leave something: there is urgent data.
    var shortReceivesLeaveMore = false
    /// Nothing more is taken; the connection ends when the replies are sent.
    var isEnding = false
    /// Whether the client has said good-bye, so that what is behind it is thrown away.
    var hasQuit = false
    /// Whether replies wait because the peer does not read.
    var isReaderSlow = false
    /// Whether the engine's list of sessions with barriers has this one.
    var isHeld = false
    /// Whether the engine's list of sessions that wait for room in the store has this one.
    var isBlocked = false

    /// A command whose body has not arrived whole.
    enum Unfinished {
        case put(UInt64, PutHeader)
        case finish(UInt64, byteCount: Int)
        case fail(UInt64, Retry)
    }

    init(_ client: ClientID, _ connection: Connection, _ exchange: Exchange, maximumJobSize: Int) {
        self.client = client
        self.connection = connection
        self.exchange = exchange
        parser = CommandParser(maximumJobSize: maximumJobSize)
    }

    /// Whether there is something that no event will tell of.
    var hasMoreToTake: Bool { !isEnding && (isReadable || !input.isEmpty) }

    var unsentCount: Int { output.count - outputPosition }

    /// Sends the output up to a place, as much as the kernel takes.
    ///
    /// - Returns: How many bytes it took.
    func trySendOutput(to end: Int) throws(SocketError) -> Int {
        let output = output
        return try exchange.trySend(output.span.extracting(outputPosition..<end)) ?? 0
    }
}
