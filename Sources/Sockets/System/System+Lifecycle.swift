// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    static func socket(
        _ family: AddressFamily, _ type: SocketType, _ protocol: SocketProtocol, _ mode: BlockingMode
    ) -> Result<FileDescriptor, Errno> {
        valueOrErrno(retryOnInterrupt: false) {
            Glibc.socket(family.rawValue, type.rawValue | creationFlags(mode), `protocol`.rawValue)
        }.map(FileDescriptor.init(rawValue:))
    }

    static func socketPair(
        _ family: AddressFamily, _ type: SocketType, _ protocol: SocketProtocol, _ mode: BlockingMode
    ) -> Result<(FileDescriptor, FileDescriptor), Errno> {
        var pair: InlineArray<2, Int32> = [-1, -1]
        var span = pair.mutableSpan
        let result = nothingOrErrno {
            // SAFETY: socketpair writes two descriptors, and the span has two elements.
            unsafe span.withUnsafeMutableBufferPointer {
                unsafe Glibc.socketpair(
                    family.rawValue, type.rawValue | creationFlags(mode), `protocol`.rawValue, $0.baseAddress)
            }
        }
        return result.map { (FileDescriptor(rawValue: pair[0]), FileDescriptor(rawValue: pair[1])) }
    }

    /// close(2). Never made twice: on Linux the descriptor is gone even when a signal interrupts the call.
    static func close(_ descriptor: FileDescriptor) -> Result<Void, Errno> {
        nothingOrErrno { Glibc.close(descriptor.rawValue) }
    }

    static func duplicate(_ descriptor: FileDescriptor) -> Result<FileDescriptor, Errno> {
        valueOrErrno(retryOnInterrupt: false) { fcntl(descriptor.rawValue, F_DUPFD_CLOEXEC, 0) }
            .map(FileDescriptor.init(rawValue:))
    }

    static func bind(_ descriptor: FileDescriptor, _ address: SocketAddress) -> Result<Void, Errno> {
        let raw = RawAddress(address)
        return nothingOrErrno {
            // SAFETY: the pointer is valid for the length given with it during the call.
            unsafe raw.withPointer { unsafe Glibc.bind(descriptor.rawValue, $0, $1) }
        }
    }

    static func listen(_ descriptor: FileDescriptor, backlog: Int32) -> Result<Void, Errno> {
        nothingOrErrno { Glibc.listen(descriptor.rawValue, backlog) }
    }

    static func accept(
        _ descriptor: FileDescriptor, _ mode: BlockingMode, retryOnInterrupt: Bool
    ) -> Result<(FileDescriptor, SocketAddress), Errno> {
        var raw = RawAddress()
        let result = valueOrErrno(retryOnInterrupt: retryOnInterrupt) {
            // SAFETY: the kernel writes at most as many bytes as the length says, which is the storage's size.
            unsafe raw.withMutablePointer {
                unsafe csockets_accept4(descriptor.rawValue, $0, $1, creationFlags(mode))
            }
        }
        return result.map { (FileDescriptor(rawValue: $0), raw.address ?? .unix(.unnamed)) }
    }

    static func connect(_ descriptor: FileDescriptor, _ address: SocketAddress) -> Result<Void, Errno> {
        let raw = RawAddress(address)
        return nothingOrErrno {
            // SAFETY: the pointer is valid for the length given with it during the call.
            unsafe raw.withPointer { unsafe Glibc.connect(descriptor.rawValue, $0, $1) }
        }
    }

    /// connect(2) to an address of no family, which takes a connection apart.
    static func disconnect(_ descriptor: FileDescriptor) -> Result<Void, Errno> {
        connect(descriptor, .other(OpaqueAddress(family: .unspecified, unchecked: [UInt8](repeating: 0, count: 14))))
    }

    static func shutdown(_ descriptor: FileDescriptor, _ mode: ShutdownMode) -> Result<Void, Errno> {
        let how =
            switch mode {
            case .receiving: Int32(SHUT_RD)
            case .sending: Int32(SHUT_WR)
            case .both: Int32(SHUT_RDWR)
            }
        return nothingOrErrno { Glibc.shutdown(descriptor.rawValue, how) }
    }

    static func localAddress(_ descriptor: FileDescriptor) -> Result<SocketAddress, Errno> {
        var raw = RawAddress()
        let result = nothingOrErrno {
            // SAFETY: the kernel writes at most as many bytes as the length says, which is the storage's size.
            unsafe raw.withMutablePointer { unsafe getsockname(descriptor.rawValue, $0, $1) }
        }
        return result.map { raw.address ?? .unix(.unnamed) }
    }

    static func peerAddress(_ descriptor: FileDescriptor) -> Result<SocketAddress, Errno> {
        var raw = RawAddress()
        let result = nothingOrErrno {
            // SAFETY: the kernel writes at most as many bytes as the length says, which is the storage's size.
            unsafe raw.withMutablePointer { unsafe getpeername(descriptor.rawValue, $0, $1) }
        }
        return result.map { raw.address ?? .unix(.unnamed) }
    }

    private static func creationFlags(_ mode: BlockingMode) -> Int32 {
        switch mode {
        case .blocking: Constants.typeFlagCloseOnExec
        case .nonBlocking: Constants.typeFlagCloseOnExec | Constants.typeFlagNonBlocking
        }
    }
}
