// SPDX-License-Identifier: Apache-2.0

/// What a connection has received and not executed yet, because it had a reason to stop.
struct ReceivedBytes {
    private var bytes: [UInt8] = []
    private var position = 0

    var isEmpty: Bool { bytes.isEmpty }

    /// Keeps what was not executed of what was received; there must be nothing else.
    mutating func keep(_ rest: ArraySlice<UInt8>) {
        bytes = Array(rest)
        position = 0
    }

    /// Takes the bytes, of which those before `position` were executed earlier. ``putBack(_:at:)`` has what is left.
    mutating func take(_ position: inout Int) -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&bytes, &self.bytes)
        position = self.position
        self.position = 0
        return bytes
    }

    mutating func putBack(_ bytes: consuming [UInt8], at position: Int) {
        guard position < bytes.count else { return }
        self.bytes = bytes
        self.position = position
    }
}
