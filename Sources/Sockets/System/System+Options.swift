// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    static func option(
        _ descriptor: FileDescriptor, _ name: SocketOptionName, capacity: Int
    ) -> Result<[UInt8], Errno> {
        var bytes = [UInt8](repeating: 0, count: capacity)
        var length = socklen_t(capacity)
        let result = nothingOrErrno {
            // SAFETY: the kernel writes at most as many bytes as the length says, which is the array's size.
            unsafe bytes.withUnsafeMutableBytes {
                unsafe getsockopt(descriptor.rawValue, name.level.rawValue, name.number, $0.baseAddress, &length)
            }
        }
        return result.map { Array(bytes.prefix(Int(length))) }
    }

    static func setOption(
        _ descriptor: FileDescriptor, _ name: SocketOptionName, _ bytes: [UInt8]
    ) -> Result<Void, Errno> {
        nothingOrErrno {
            // SAFETY: the kernel reads as many bytes as the array has, during the call.
            unsafe bytes.withUnsafeBytes {
                unsafe setsockopt(
                    descriptor.rawValue, name.level.rawValue, name.number, $0.baseAddress, socklen_t(clamping: $0.count)
                )
            }
        }
    }

    static func attachFilter(_ descriptor: FileDescriptor, _ program: [PacketFilterInstruction]) -> Result<Void, Errno>
    {
        var instructions = program.map {
            sock_filter(code: $0.code, jt: $0.jumpIfTrue, jf: $0.jumpIfFalse, k: $0.operand)
        }
        return nothingOrErrno {
            // SAFETY: the kernel copies the program that sock_fprog points to during the call.
            unsafe instructions.withUnsafeMutableBufferPointer { instructions in
                var program = unsafe sock_fprog(len: UInt16(instructions.count), filter: instructions.baseAddress)
                return unsafe setsockopt(
                    descriptor.rawValue, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                    socklen_t(MemoryLayout<sock_fprog>.size))
            }
        }
    }

    /// The filter of a socket. For this one option the kernel counts in instructions instead of bytes.
    static func filter(_ descriptor: FileDescriptor) -> Result<[PacketFilterInstruction], Errno> {
        var count = socklen_t(0)
        // SAFETY: with a count of zero the kernel writes nothing but the count that is needed.
        switch nothingOrErrno({ unsafe getsockopt(descriptor.rawValue, SOL_SOCKET, SO_GET_FILTER, nil, &count) }) {
        case .failure(let errno): return .failure(errno)
        case .success: break
        }
        var instructions = [sock_filter](repeating: sock_filter(), count: Int(count))
        let result = nothingOrErrno {
            // SAFETY: the kernel writes at most `count` instructions, the array's size.
            unsafe instructions.withUnsafeMutableBytes {
                unsafe getsockopt(descriptor.rawValue, SOL_SOCKET, SO_GET_FILTER, $0.baseAddress, &count)
            }
        }
        return result.map {
            instructions.prefix(Int(count)).map {
                PacketFilterInstruction(code: $0.code, jumpIfTrue: $0.jt, jumpIfFalse: $0.jf, operand: $0.k)
            }
        }
    }
}
