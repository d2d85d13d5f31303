// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import Foundation
import Sockets
import SystemPackage

/// Standard input to a socket, and the socket to standard output.
///
/// Each direction is a thread that blocks, with one buffer: what is not taken at the one end is not asked for at the
/// other. An event loop cannot wait for a regular file, and standard input and output cannot be made non-blocking, as
/// other processes share them.
final class Relay: Sendable {
    private let socket: Socket
    private let peer: SocketAddress
    private let keepsOpen: Bool
    private let activity = Activity()

    /// Twice what a pipe holds: few calls.
    private static let inputSize = 131_072
    /// A quarter of what a pipe holds: with all of it, this program and the one behind its output would take turns.
    private static let outputSize = 16_384

    /// - Parameters:
    ///   - socket: The socket, in blocking mode.
    ///   - peer: Who is at its other end.
    ///   - keepsOpen: Whether the sending half stays open when the input ends.
    init(_ socket: consuming Socket, peer: SocketAddress, keepsOpen: Bool) {
        self.socket = socket
        self.peer = peer
        self.keepsOpen = keepsOpen
    }

    /// Relays until the peer closes the connection.
    ///
    /// - Parameter silenceLimit: How long no byte may come or go before it is given up; `nil` for ever.
    /// - Throws: `SocketError` or `CleanError`; `ExitCode` if nobody reads the output.
    func run(silenceLimit: Seconds?, on loop: EventLoop) async throws {
        let (endings, ending) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
        Thread.detachNewThread { ending.yield(Result { try self.receive() }) }
        Thread.detachNewThread {
            // The end of the input is not the end.
            let result = Result { try self.send() }
            if case .failure = result { ending.yield(result) }
        }
        let watch = silenceLimit.map { limit in
            Task {
                try await activity.waitForSilence(of: limit.duration, on: loop)
                ending.yield(.failure(CleanError("\(peer): nothing has come or gone for \(limit) seconds")))
            }
        }
        defer { watch?.cancel() }
        for await result in endings { return try result.get() }
    }

    // MARK: From the peer

    private func receive() throws {
        var bytes: [UInt8] = []
        while true {
            bytes.removeAll(keepingCapacity: true)
            try bytes.append(addingCapacity: Self.outputSize) { (buffer: inout OutputSpan<UInt8>) in
                _ = try naming { () throws(SocketError) in try socket.receive(into: &buffer) }
            }
            if bytes.isEmpty { return }
            activity.pause()
            try write(bytes)
            activity.resume()
        }
    }

    private func write(_ bytes: [UInt8]) throws {
        do throws(Errno) {
            try StandardStreams.write(bytes.span)
        } catch .brokenPipe {
            throw ExitCode.failure
        } catch {
            throw CleanError("write to standard output: \(error)")
        }
    }

    // MARK: To the peer

    private func send() throws {
        var bytes: [UInt8] = []
        while true {
            bytes.removeAll(keepingCapacity: true)
            do throws(Errno) {
                try bytes.append(addingCapacity: Self.inputSize) { (buffer: inout OutputSpan<UInt8>) throws(Errno) in
                    try StandardStreams.read(into: &buffer)
                }
            } catch {
                throw CleanError("read standard input: \(error)")
            }
            if bytes.isEmpty { break }
            guard try send(bytes.span) else { return }
        }
        // A peer that is gone needs no end.
        if !keepsOpen { try? socket.shutdown(.sending) }
    }

    /// - Returns: Whether the peer still takes something. If not, what it has sent before counts, and how that ends.
    private func send(_ bytes: Span<UInt8>) throws -> Bool {
        var sent = 0
        do throws(SocketError) {
            while sent < bytes.count {
                if let count = try socket.trySend(bytes.extracting(droppingFirst: sent)) {
                    sent += count
                    activity.touch()
                } else {
                    _ = try socket.wait(for: .writable, timeout: nil)
                }
            }
            return true
        } catch {
            if error.errno == .brokenPipe || error.errno == .connectionReset { return false }
            return try naming { () throws(SocketError) in throw error }
        }
    }

    /// An error of the socket, which names the peer.
    private func naming<Result>(_ body: () throws(SocketError) -> Result) throws(SocketError) -> Result {
        do throws(SocketError) {
            return try body()
        } catch {
            var error = error
            error.subject = .address(peer)
            throw error
        }
    }
}
