// SPDX-License-Identifier: Apache-2.0

/// The interface of an IPv4 multicast option, by its index, or by an address that it has.
///
/// The corresponding C type is `struct ip_mreqn`.
public struct IPv4MulticastInterface: Hashable, Sendable {
    /// An address of the interface; `0.0.0.0` if the index tells which.
    public var address: IPv4Address
    /// The index of the interface; 0 if the address tells which.
    public var index: UInt32

    init(address: IPv4Address, index: UInt32) {
        self.address = address
        self.index = index
    }

    /// Whichever interface the routing table chooses.
    public static let byRoute = IPv4MulticastInterface(address: .any, index: 0)

    /// The interface with this index.
    public static func index(_ index: UInt32) -> IPv4MulticastInterface {
        IPv4MulticastInterface(address: .any, index: index)
    }

    /// The interface that has this address.
    public static func address(_ address: IPv4Address) -> IPv4MulticastInterface {
        IPv4MulticastInterface(address: address, index: 0)
    }
}

extension Socket {
    // Joining and leaving are functions rather than options because they are acts: the kernel keeps a list, and no
    // value that could be read back.

    /// Joins an IPv4 multicast group, so that the socket receives what is sent to it.
    ///
    /// - Parameters:
    ///   - group: The group's address.
    ///   - interface: Where to join it.
    /// - Throws: `SocketError`: `EADDRINUSE` if it is joined already, `ENODEV` if there is no such interface, or no
    ///   route; an address that is not a group's is refused without a system call.
    ///
    /// The corresponding C function is `setsockopt` with `IP_ADD_MEMBERSHIP`.
    public func joinGroup(
        _ group: IPv4Address, on interface: IPv4MulticastInterface = .byRoute
    ) throws(SocketError) {
        try changeMembership(.joinGroup4, .v4(group), membership(group, interface))
    }

    /// Leaves an IPv4 multicast group.
    ///
    /// - Throws: `SocketError` with `EADDRNOTAVAIL` if it is not joined there.
    ///
    /// The corresponding C function is `setsockopt` with `IP_DROP_MEMBERSHIP`.
    public func leaveGroup(
        _ group: IPv4Address, on interface: IPv4MulticastInterface = .byRoute
    ) throws(SocketError) {
        try changeMembership(.leaveGroup4, .v4(group), membership(group, interface))
    }

    /// Joins an IPv6 multicast group, so that the socket receives what is sent to it.
    ///
    /// - Parameters:
    ///   - group: The group's address.
    ///   - interface: The index of the interface to join it on; 0 leaves it to the routing table.
    /// - Throws: `SocketError` as ``joinGroup(_:on:)-(IPv4Address,_)``.
    ///
    /// The corresponding C function is `setsockopt` with `IPV6_ADD_MEMBERSHIP`.
    public func joinGroup(_ group: IPv6Address, on interface: UInt32 = 0) throws(SocketError) {
        try changeMembership(.joinGroup6, .v6(group), membership(group, interface))
    }

    /// Leaves an IPv6 multicast group.
    ///
    /// - Throws: `SocketError` with `EADDRNOTAVAIL` if it is not joined there.
    ///
    /// The corresponding C function is `setsockopt` with `IPV6_DROP_MEMBERSHIP`.
    public func leaveGroup(_ group: IPv6Address, on interface: UInt32 = 0) throws(SocketError) {
        try changeMembership(.leaveGroup6, .v6(group), membership(group, interface))
    }

    /// Joins a multicast group for what one source sends to it, RFC 4607.
    ///
    /// - Parameters:
    ///   - source: The sender's address, of the group's family.
    ///   - group: The group's address.
    ///   - interface: The index of the interface to join it on; 0 leaves it to the routing table.
    /// - Throws: `SocketError` as ``joinGroup(_:on:)-(IPv4Address,_)``.
    ///
    /// The corresponding C function is `setsockopt` with `MCAST_JOIN_SOURCE_GROUP`.
    public func joinSource(_ source: IPAddress, of group: IPAddress, on interface: UInt32 = 0) throws(SocketError) {
        try changeSource(group.isIPv4 ? .joinSource4 : .joinSource6, source, group, interface)
    }

    /// Leaves a multicast group that was joined for one source.
    ///
    /// - Throws: `SocketError` with `EADDRNOTAVAIL` if it is not joined so.
    ///
    /// The corresponding C function is `setsockopt` with `MCAST_LEAVE_SOURCE_GROUP`.
    public func leaveSource(_ source: IPAddress, of group: IPAddress, on interface: UInt32 = 0) throws(SocketError) {
        try changeSource(group.isIPv4 ? .leaveSource4 : .leaveSource6, source, group, interface)
    }

    /// No longer receives what one source sends to a joined group.
    ///
    /// - Throws: `SocketError` with `EINVAL` if the group is not joined there.
    ///
    /// The corresponding C function is `setsockopt` with `MCAST_BLOCK_SOURCE`.
    public func blockSource(_ source: IPAddress, of group: IPAddress, on interface: UInt32 = 0) throws(SocketError) {
        try changeSource(group.isIPv4 ? .blockSource4 : .blockSource6, source, group, interface)
    }

    /// Receives again what a blocked source sends to a joined group.
    ///
    /// - Throws: `SocketError` with `EADDRNOTAVAIL` if the source is not blocked.
    ///
    /// The corresponding C function is `setsockopt` with `MCAST_UNBLOCK_SOURCE`.
    public func unblockSource(_ source: IPAddress, of group: IPAddress, on interface: UInt32 = 0) throws(SocketError) {
        try changeSource(group.isIPv4 ? .unblockSource4 : .unblockSource6, source, group, interface)
    }

    /// An `ip_mreqn`.
    private func membership(_ group: IPv4Address, _ interface: IPv4MulticastInterface) -> [UInt8] {
        nativeBytes(group.rawValue.bigEndian) + nativeBytes(interface.address.rawValue.bigEndian)
            + nativeBytes(interface.index)
    }

    /// An `ipv6_mreq`.
    private func membership(_ group: IPv6Address, _ interface: UInt32) -> [UInt8] {
        nativeBytes(group.high.bigEndian) + nativeBytes(group.low.bigEndian) + nativeBytes(interface)
    }

    /// Changes the membership with a `group_source_req`: the interface, padding, and two `sockaddr_storage`s.
    private func changeSource(
        _ option: SocketOptionName, _ source: IPAddress, _ group: IPAddress, _ interface: UInt32
    ) throws(SocketError) {
        guard source.family == group.family else {
            throw SocketError(.setOption, .invalid(.wrongFamily(source.family)), subject: .option(option))
        }
        let request =
            nativeBytes(interface) + nativeBytes(UInt32(0))
            + RawAddress(SocketAddress(group, port: 0)).storageBytes
            + RawAddress(SocketAddress(source, port: 0)).storageBytes
        try changeMembership(option, group, request)
    }

    private func changeMembership(
        _ option: SocketOptionName, _ group: IPAddress, _ request: [UInt8]
    ) throws(SocketError) {
        guard group.isGroup else {
            throw SocketError(.setOption, .invalid(.notMulticast), subject: .option(option))
        }
        try checked(.setOption, System.setOption(descriptor, option, request), subject: .option(option))
    }
}

extension IPAddress {
    fileprivate var isIPv4: Bool { family == .ipv4 }

    /// Whether a socket of the address's family can join it: an IPv6 socket joins no IPv4 group in mapped form.
    fileprivate var isGroup: Bool {
        switch self {
        case .v4(let address): address.isMulticast
        case .v6(let address): address.isIPv6Multicast
        }
    }
}
