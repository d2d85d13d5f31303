// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Foundation
import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct PassedListenersTests {
    @Test func socketsOfAServiceAreTakenOver() async throws {
        let listening = try Socket.listen(on: .anyPort)
        let datagram = try Socket(.ipv4, .datagram)
        let address = try listening.localAddress
        let folder = TemporaryFolder()
        let child = try start(
            passing: [listening.withDescriptor(\.rawValue), datagram.withDescriptor(\.rawValue)],
            output: folder.file("output"))
        let loop = try EventLoop()
        let client = try await Connection.connect(to: address, on: loop)
        try await client.send("hello")
        #expect(try await client.receive(upTo: 10) == Array("hello".utf8))
        var status: Int32 = 0
        // SAFETY: waitpid writes the status.
        while unsafe waitpid(child, &status, 0) == -1, errno == EINTR {}
        #expect(status == 0)
        // The datagram socket is left alone, and a second call has nothing.
        #expect(try String(contentsOfFile: folder.file("output"), encoding: .utf8) == "\(address)\nthen 0\n")
        loop.stop()
    }

    /// Starts the program with descriptors from 3 on, as systemd does.
    private func start(passing descriptors: [Int32], output: String) throws -> pid_t {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = tests.deletingLastPathComponent().appendingPathComponent("passed-listeners").path
        let script = "LISTEN_PID=$$ LISTEN_FDS=\(descriptors.count) exec \"$0\" >\"$1\""
        let arguments = ["sh", "-c", script, program, output]
        var actions = unsafe posix_spawn_file_actions_t()
        // SAFETY: the actions are initialised before use; the arguments end in null, and live until they are freed.
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        // First out of the way, so that none is overwritten before it is copied.
        for (index, descriptor) in descriptors.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 1000 + Int32(index))
        }
        for index in descriptors.indices {
            unsafe posix_spawn_file_actions_adddup2(&actions, 1000 + Int32(index), 3 + Int32(index))
            unsafe posix_spawn_file_actions_addclose(&actions, 1000 + Int32(index))
        }
        var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        var child = pid_t()
        let error = unsafe posix_spawn(&child, "/bin/sh", &actions, nil, &pointers, environ)
        try #require(error == 0)
        return child
    }
}
