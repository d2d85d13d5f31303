// SPDX-License-Identifier: Apache-2.0
// Listens where it is told to by LISTEN_FDS, as a systemd service does, and echoes once on the first socket.

import AsyncSockets
import Sockets

let listeners = try Listener.passedBySystemd()
for listener in listeners { print(listener.address) }
print("then \(try Listener.passedBySystemd().count)")
if let listener = listeners.first {
    let connection = try await listener.accept()
    try await connection.send(try await connection.receive(upTo: 100))
}
