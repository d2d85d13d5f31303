// SPDX-License-Identifier: Apache-2.0

/// One instruction of a classic BPF program, `bpf(4)` of the BSDs and `Documentation/networking/filter.rst` of Linux.
///
/// The corresponding C type is `struct sock_filter`.
public struct PacketFilterInstruction: Hashable, Sendable {
    /// What the instruction does.
    public var code: UInt16
    /// How many instructions to skip if its condition holds.
    public var jumpIfTrue: UInt8
    /// How many instructions to skip if its condition does not hold.
    public var jumpIfFalse: UInt8
    /// The number it works with.
    public var operand: UInt32

    /// One instruction.
    public init(code: UInt16, jumpIfTrue: UInt8 = 0, jumpIfFalse: UInt8 = 0, operand: UInt32) {
        self.code = code
        self.jumpIfTrue = jumpIfTrue
        self.jumpIfFalse = jumpIfFalse
        self.operand = operand
    }
}

extension Socket {
    /// Makes the socket receive only the packets that a program accepts, in place of any filter it has.
    ///
    /// This is a function rather than an option because the option's value points to the program.
    ///
    /// - Throws: `SocketError` for more than 4,096 instructions, or if the kernel finds the program faulty (`EINVAL`).
    ///
    /// The corresponding C function is `setsockopt` with `SO_ATTACH_FILTER`.
    public func attachFilter(_ program: [PacketFilterInstruction]) throws(SocketError) {
        guard program.count <= 4096 else {
            throw SocketError(.setOption, .invalid(.outOfRange), subject: .option(.attachFilter))
        }
        try checked(.setOption, System.attachFilter(descriptor, program), subject: .option(.attachFilter))
    }

    /// The program that filters what the socket receives, empty if there is none.
    ///
    /// The corresponding C function is `getsockopt` with `SO_GET_FILTER`.
    public var filter: [PacketFilterInstruction] {
        get throws(SocketError) {
            try checked(.getOption, System.filter(descriptor), subject: .option(.getFilter))
        }
    }

    /// Removes the socket's filter.
    ///
    /// - Throws: `SocketError` with `ENOENT` if there is none.
    ///
    /// The corresponding C function is `setsockopt` with `SO_DETACH_FILTER`.
    public func detachFilter() throws(SocketError) {
        try set(.detachFilter, .int, 0)
    }
}
