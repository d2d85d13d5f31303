// SPDX-License-Identifier: Apache-2.0
// An echo server on AsyncSockets, written as any user would write it.

import AsyncSockets
import Sockets

guard CommandLine.arguments.count == 2, let port = UInt16(CommandLine.arguments[1]) else {
    fatalError("usage: echo-async PORT")
}
let loop = try EventLoop()
let listener = try Listener.bind(to: .ipv4(.loopback, port: port), on: loop)
try await listener.serve { connection in
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1024)
    while try await connection.receive(into: &bytes, upTo: 1024) > 0 {
        try await connection.send(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
