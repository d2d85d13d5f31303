// SPDX-License-Identifier: Apache-2.0

/// Buffers that each connection of a loop uses in its turn, so that none is allocated for a command.
struct SharedBuffers {
    /// How much is received at once.
    static let inputSize = 1 << 16
    /// A larger buffer than this is not kept for the replies to come.
    static let keptReplies = 1 << 20

    var input: [UInt8] = []
    var replies: [UInt8] = []
}
