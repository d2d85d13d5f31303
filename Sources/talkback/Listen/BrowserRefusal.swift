// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import BeanstalkProtocol
import Sockets
import Synchronization
import SystemPackage

/// Closes connections that a browser may have made, before a command gets them: `--refuse-http`.
final class BrowserRefusal: Sendable {
    /// Why a connection was closed.
    enum Reason: Error, CustomStringConvertible {
        case foreign(ForeignProtocol)
        case longLine
        case silence

        var description: String {
            switch self {
            case .foreign(let what): "refused: \(what)"
            case .longLine: "refused: \(lineLimit) bytes do not show whether it is HTTP"
            case .silence: "refused: no first line within \(timeLimit.components.seconds) seconds"
            }
        }
    }

    /// The most bytes of a first line that are looked at. Where a browser's address is longer, its method has decided
    /// before.
    private static let lineLimit = 4096
    /// A browser may connect long before it sends a request, so that who says nothing cannot be let through.
    private static let timeLimit: Duration = .seconds(30)

    /// The connections that have not said enough.
    private let state = Mutex((isStopping: false, connections: [ObjectIdentifier: Connection]()))

    /// Returns once it is known that a connection does not begin with HTTP or TLS. None of its bytes is taken.
    ///
    /// - Throws: ``Reason`` if it does, or may: then it is closed. `SocketError` if it is gone.
    func check(_ connection: Connection) async throws {
        let id = ObjectIdentifier(connection)
        let isStopping = state.withLock { state in
            state.connections[id] = connection
            return state.isStopping
        }
        defer { state.withLock { _ = $0.connections.removeValue(forKey: id) } }
        if isStopping { connection.close() }
        guard let reason = try await Self.reason(to: connection) else { return }
        // What has not come yet must not turn the end into a reset.
        try? await connection.finish(discarding: 1 << 20, timeout: .seconds(1))
        throw reason
    }

    /// Closes the connections that are being checked, now and later: their commands have not begun.
    func stop() {
        let connections = state.withLock { state in
            state.isStopping = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.close() }
    }

    /// Why a connection is to be closed; `nil` if it need not be.
    private static func reason(to connection: Connection) async throws(SocketError) -> Reason? {
        let deadline = ContinuousClock.now + timeLimit
        var detector = ForeignProtocolDetector(.browsers)
        var count = 0
        while count < lineLimit {
            let bytes: [UInt8]
            do throws(SocketError) {
                let left = deadline - ContinuousClock.now
                bytes = try await connection.peek(upTo: lineLimit, beyond: count, timeout: max(.zero, left))
            } catch {
                guard error.errno == .timedOut else { throw error }
                return .silence
            }
            switch detector.examine(bytes.span.extracting(droppingFirst: count)) {
            case .foreign(let what): return .foreign(what)
            case .text: return nil
            case .undecided where bytes.count == count: return nil  // the end: there is no request line
            case .undecided: count = bytes.count
            }
        }
        return .longLine
    }
}
