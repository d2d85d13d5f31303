// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import AsyncSockets
public import Sockets

/// A connection to a server: what the tutorial's clients have in common.
public struct Client: Sendable {
    private let connection: Connection

    /// The option that every client has.
    public struct Patience: ParsableArguments {
        @Option(help: "Seconds to wait for the whole answer; 0 waits for ever.")
        var timeout = 0.0

        /// Waits for ever.
        public init() {}

        /// Checks the option's range.
        public func validate() throws {
            guard timeout >= 0, timeout <= 1e9 else { throw ValidationError("--timeout takes 0 or more seconds.") }
        }
    }

    /// Connects to a server.
    ///
    /// - Throws: `SocketError`, naming the addresses that were tried.
    public init(host: String, port: UInt16, _ patience: Patience) async throws(SocketError) {
        let deadline = Deadline(patience.timeout == 0 ? nil : .seconds(patience.timeout))
        connection = try await Connection.connect(toHost: host, port: port, timeout: deadline.remaining())
        connection.setTotalTimeout(deadline.remaining())
    }

    /// Sends a request and ends the sending half, so that the server knows that the request is complete.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the time is over.
    public func send(_ text: String) async throws(SocketError) {
        try await connection.send(text)
        try connection.finishSending()
    }

    /// Receives the next piece of the reply; `nil` at its end.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the time is over.
    public func receive() async throws(SocketError) -> [UInt8]? {
        let piece = try await connection.receive(upTo: 65_536)
        return piece.isEmpty ? nil : piece
    }
}
