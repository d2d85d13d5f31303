// SPDX-License-Identifier: Apache-2.0

extension Socket {
    /// Has a new socket reach IPv4 where its address is for both families: `::`, or an IPv4-mapped address.
    ///
    /// Otherwise `net.ipv6.bindv6only` would decide.
    package func allowIPv4(for address: SocketAddress) throws(SocketError) {
        guard case .ipv6(let ip, port: _, scope: _, flowInfo: _) = address else { return }
        if ip == .any || ip.ipv4Mapped != nil { try set(.ipv6Only, to: false) }
    }
}

extension SocketAddress {
    /// The same address, of IPv4 if it is an IPv4-mapped one.
    var unmapped: SocketAddress {
        guard case .ipv6(let ip, let port, scope: _, flowInfo: _) = self, let ip = ip.ipv4Mapped else { return self }
        return .ipv4(ip, port: port)
    }
}
