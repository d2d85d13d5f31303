// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage
import Testing

@Suite struct BrokenPipeTests {
    @Test func noSendEverRaisesSIGPIPE() async {
        await #expect(processExitsWith: .success) {
            // As a program starts: the signal would end it.
            _ = signal(SIGPIPE, SIG_DFL)
            let pair = try Socket.pair()
            let sender = pair.first
            try pair.second.close()
            let bytes: [UInt8] = [1]
            var vector = IOVector()
            try vector.append(bytes)
            let full = vector
            for error in [
                #expect(throws: SocketError.self) { _ = try sender.send(bytes) },
                #expect(throws: SocketError.self) { _ = try sender.send("x") },
                #expect(throws: SocketError.self) { _ = try sender.trySend(bytes.span) },
                #expect(throws: SocketError.self) { try sender.sendAll(bytes) },
                #expect(throws: SocketError.self) { _ = try sender.send(full) },
                #expect(throws: SocketError.self) { _ = try sender.sendMessage(bytes) },
                #expect(throws: SocketError.self) { _ = try sender.send(bytes, to: .unix(.unnamed)) },
                // SAFETY: the array lives longer than the calls.
                #expect(throws: SocketError.self) {
                    _ = try sender.send(gathering: unsafe bytes.span.bytes, unsafe bytes.span.bytes)
                },
                #expect(throws: SocketError.self) {
                    _ = try sender.trySend(gathering: unsafe bytes.span.bytes, unsafe bytes.span.bytes)
                },
            ] where error?.errno != .brokenPipe && error?.errno != .socketIsConnected {
                exit(1)
            }
        }
    }
}
