// SPDX-License-Identifier: Apache-2.0
// Sends or receives one datagram many times, through libc or through Sockets. The script beside it counts.

import Glibc
import Sockets

func fail(_ message: String) -> Never {
    print(message)
    exit(2)
}

let usage = "usage: facade-cost libc-send|socket-send|libc-receive|socket-receive COUNT"
guard CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[2]) else { fail(usage) }

// A datagram to a full socket is dropped, so sending never waits; a datagram that is peeked at stays, so receiving
// never waits either. Both ends are UDP on the loopback interface.
let receiver = try Socket(.ipv4, .datagram)
try receiver.bind(to: .ipv4(.loopback, port: 0))
let sender = try Socket(.ipv4, .datagram)
try sender.connect(to: receiver.localAddress)
let message = [UInt8](repeating: 1, count: 64)
_ = try sender.send(message)
let received = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 16)
var total = 0

switch CommandLine.arguments[1] {
case "libc-send":
    let descriptor = sender.withDescriptor { $0.rawValue }
    // SAFETY: the array's memory is valid during the closure.
    unsafe message.withUnsafeBytes { bytes in
        for _ in 0..<count {
            total += unsafe send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }
case "socket-send":
    for _ in 0..<count {
        total += try sender.send(message.span)
    }
case "libc-receive":
    let descriptor = receiver.withDescriptor { $0.rawValue }
    for _ in 0..<count {
        // SAFETY: the kernel writes at most the buffer's size.
        total += unsafe recv(descriptor, received.baseAddress, received.count, Int32(MSG_PEEK))
    }
case "socket-receive":
    // SAFETY: the memory is not used otherwise while the span lives.
    var buffer = unsafe OutputRawSpan(buffer: received, initializedCount: 0)
    for _ in 0..<count {
        buffer.removeAll()
        total += try receiver.receive(into: &buffer, flags: .peek)
    }
default:
    fail(usage)
}
guard total == 64 * count else { fail("moved \(total) bytes instead of \(64 * count)") }
