// SPDX-License-Identifier: Apache-2.0

// The C forms of the options whose values are types of their own.

extension OptionCodec<UInt32> {
    /// A C `unsigned int`.
    static var uint32: Self {
        OptionCodec<Int>.integer(UInt32.self).map(
            encode: { Int($0) }, decode: { UInt32(truncatingIfNeeded: $0) })
    }
}

extension OptionCodec<UInt64> {
    /// An unsigned number of eight bytes.
    static var cookie: Self {
        OptionCodec(
            capacity: 8, encode: { nativeBytes($0) },
            decode: { $0.count == 8 ? nativeInteger($0, as: UInt64.self) : 0 })
    }
}

extension OptionCodec where Value: RawRepresentable, Value.RawValue == Int32 {
    /// A C `int` that stands for one of some named values.
    fileprivate static func named(_ make: @escaping @Sendable (Int32) -> Value) -> Self {
        OptionCodec<Int>.int.map(
            encode: { Int($0.rawValue) }, decode: { make(Int32(truncatingIfNeeded: $0)) })
    }
}

extension OptionCodec<AddressFamily> {
    static var family: Self { .named { AddressFamily(rawValue: $0) } }
}

extension OptionCodec<SocketType> {
    static var type: Self { .named { SocketType(rawValue: $0) } }
}

extension OptionCodec<SocketProtocol> {
    static var `protocol`: Self { .named { SocketProtocol(rawValue: $0) } }
}

extension OptionCodec<PathMTUDiscovery> {
    static var pathMTUDiscovery: Self { .named { PathMTUDiscovery(rawValue: $0) } }
}

extension OptionCodec<CongestionControl> {
    /// `TCP_CA_NAME_MAX` is 16 bytes with the zero byte.
    static var congestionControl: Self {
        OptionCodec<String>.text(limit: 15).map(
            encode: { $0.rawValue }, decode: { CongestionControl(rawValue: $0) })
    }
}

extension OptionCodec<Credentials> {
    /// A `ucred`.
    static var credentials: Self {
        OptionCodec(
            capacity: ControlCoding.credentialsSize,
            encode: { nativeBytes($0.processID) + nativeBytes($0.userID) + nativeBytes($0.groupID) },
            decode: { bytes in
                bytes.count == ControlCoding.credentialsSize
                    ? Credentials(native: bytes) : Credentials(processID: 0, userID: .max, groupID: .max)
            })
    }
}

extension OptionCodec<Linger> {
    /// A `linger`: a switch and a number of seconds.
    static var linger: Self {
        OptionCodec(
            capacity: 8,
            encode: { (linger: Linger) throws(OptionCodecError) in
                guard let timeout = linger.timeout else { return nativeBytes(Int32(0)) + nativeBytes(Int32(0)) }
                guard timeout <= .seconds(65535) else { throw OptionCodecError(.outOfRange) }
                return nativeBytes(Int32(1)) + (try OptionCodec<Duration>.int(of: .seconds(1)).encode(timeout))
            },
            decode: { bytes in
                guard bytes.count == 8, nativeInteger(bytes, as: Int32.self) != 0 else { return .background }
                return Linger(timeout: .seconds(nativeInteger(bytes[4...], as: Int32.self)))
            })
    }
}

extension OptionCodec<SocketAddress?> {
    /// A `sockaddr` of any family.
    static var socketAddress: Self {
        OptionCodec(
            capacity: Int(RawAddress.capacity), encode: { $0.map { RawAddress($0).storageBytes } ?? [] },
            decode: { RawAddress(bytes: $0).address })
    }
}

extension OptionCodec<IPv4MulticastInterface> {
    /// Set as an `ip_mreqn`, whose first address is not used; read as an `in_addr`, or as an `ip_mreqn` where it fits.
    static var multicastInterface: Self {
        OptionCodec(
            capacity: 12,
            encode: { interface in
                nativeBytes(UInt32(0)) + nativeBytes(interface.address.rawValue.bigEndian)
                    + nativeBytes(interface.index)
            },
            decode: { bytes in
                switch bytes.count {
                case 12...:
                    IPv4MulticastInterface(
                        address: IPv4Address(rawValue: nativeInteger(bytes[4...], as: UInt32.self).bigEndian),
                        index: nativeInteger(bytes[8...], as: UInt32.self))
                case 4...:
                    IPv4MulticastInterface(
                        address: IPv4Address(rawValue: nativeInteger(bytes, as: UInt32.self).bigEndian), index: 0)
                default: .byRoute
                }
            })
    }
}
