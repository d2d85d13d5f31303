// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Sockets
import SystemPackage

/// A connection to a server: what the tutorial's clients have in common.
public struct Client: ~Copyable {
    private let socket: Socket
    private let deadline: Deadline

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
    public init(host: String, port: UInt16, _ patience: Patience) throws(SocketError) {
        let timeout: Duration? = patience.timeout == 0 ? nil : .seconds(patience.timeout)
        deadline = Deadline(timeout)
        socket = try Socket.connect(toHost: host, port: port, timeout: timeout)
    }

    /// Sends a request and ends the sending half, so that the server knows that the request is complete.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the time is over.
    public func send(_ text: String) throws(SocketError) {
        try socket.sendAll(text, timeout: deadline.remaining(atMost: nil))
        try socket.shutdown(.sending)
    }

    /// Receives the next piece of the reply; `nil` at its end.
    ///
    /// - Throws: `SocketError`, with `ETIMEDOUT` when the time is over.
    public func receive() throws(SocketError) -> [UInt8]? {
        if try socket.wait(for: .readable, timeout: deadline.remaining(atMost: nil)).isEmpty {
            throw SocketError(.receive, .system(.timedOut))
        }
        let piece = try socket.receive(upTo: 65_536)
        return piece.isEmpty ? nil : piece
    }
}
