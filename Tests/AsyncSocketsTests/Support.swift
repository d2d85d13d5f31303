// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import Synchronization
import Testing

/// A value that tasks share.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    func get() -> Value { value.withLock { $0 } }
    func change(_ body: (inout Value) -> Void) { value.withLock { body(&$0) } }
}

extension SocketAddress {
    /// Any free port on this machine.
    static var anyPort: SocketAddress { .ipv4(.loopback, port: 0) }
}

/// What a call throws, or `nil`.
func failure(_ body: () async throws -> Void) async -> SocketError? {
    do {
        try await body()
        return nil
    } catch let error as SocketError {
        return error
    } catch {
        Issue.record(error)
        return nil
    }
}

/// Two ends of a TCP connection, each on a loop.
func tcpPair(_ loop: EventLoop, _ other: EventLoop? = nil) async throws(SocketError) -> (Connection, Connection) {
    let listener = try Listener.bind(to: .anyPort, on: loop)
    let client = try await Connection.connect(to: listener.address, on: other ?? loop)
    return (client, try await listener.accept())
}

extension EventLoop {
    /// Waits until every task that prefers the loop, and was ready to run, has run until it waits.
    func settle() async {
        await Task(executorPreference: self) {}.value
    }
}
