// SPDX-License-Identifier: Apache-2.0

internal import Sockets
internal import SystemPackage

/// Sockets that belong together. They are closed with the list, unless they are taken out of it.
struct SocketList: ~Copyable {
    // Descriptors, as an array has no room for what cannot be copied.
    private var descriptors: [FileDescriptor] = []

    init() {}

    deinit {
        for descriptor in descriptors { _ = Socket(adopting: descriptor) }
    }

    var count: Int { descriptors.count }

    mutating func append(_ socket: consuming Socket) {
        descriptors.append(socket.release())
    }

    mutating func takeFirst() -> Socket? {
        descriptors.isEmpty ? nil : Socket(adopting: descriptors.removeFirst())
    }
}
