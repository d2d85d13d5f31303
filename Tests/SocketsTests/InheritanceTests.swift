// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import SystemPackage
import Testing

/// What programs that are started by this one see of its descriptors.
@Suite struct InheritanceTests {
    /// Whether a program started now has this descriptor open, as the same file.
    private func isSeenByChild(_ socket: borrowing Socket) throws -> Bool {
        try isSeenByChild(socket.withDescriptor { $0 })
    }

    private func isSeenByChild(_ descriptor: FileDescriptor) throws -> Bool {
        // A descriptor of the same number can be open in the child for other reasons; the name of the socket, which has
        // its inode number, cannot.
        let name = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor.rawValue)")
        let command = "readlink /proc/$$/fd/\(descriptor.rawValue)"
        // Foundation's Process closes what it does not pass on, so the child is started with popen(3), which does not.
        guard let child = unsafe popen(command, "r") else { return false }
        var output = [CChar](repeating: 0, count: 200)
        // SAFETY: fgets writes at most as many bytes as the array has, and ends them with a zero byte.
        let line = unsafe output.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, let line = unsafe fgets(start, 200, child) else { return "" }
            return unsafe String(cString: line)
        }
        unsafe pclose(child)
        return line == name + "\n"
    }

    @Test func noChildSeesASocketUnlessItIsInheritable() throws {
        let listener = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let client = try Socket.connect(to: listener.localAddress)
        let accepted = try listener.accept()
        let duplicate = try client.duplicate()
        let pair = try Socket.pair()
        #expect(try !isSeenByChild(listener))
        #expect(try !isSeenByChild(client))
        #expect(try !isSeenByChild(accepted))
        #expect(try !isSeenByChild(duplicate))
        #expect(try !isSeenByChild(pair.first))
        #expect(try !isSeenByChild(pair.second))

        try accepted.setInheritable(true)
        #expect(try accepted.isInheritable)
        #expect(try isSeenByChild(accepted))
        try accepted.setInheritable(false)
        #expect(try !isSeenByChild(accepted))
    }

    @Test func noChildSeesAReceivedDescriptor() throws {
        let pair = try Socket.pair()
        let passed = try Socket(.ipv4, .datagram)
        _ = try pair.first.sendMessage([0], descriptors: [passed.withDescriptor { $0 }])
        var buffer = try IOVector(capacities: [1])
        var message = try pair.second.receiveMessage(into: &buffer, control: .descriptors(upTo: 1))
        let received = message.descriptors.takeFirst()
        let descriptor = received?.withDescriptor { $0 }
        #expect(try !isSeenByChild(#require(descriptor)))
        _ = consume received
    }
}
