// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import Subprocess

/// What the environment says of a connection, under the names that ucspi-tcp and ucspi-unix have for it.
enum PeerVariables {
    /// The variables, and `nil` for those that an outer server may have set and that do not hold here.
    static func all(of connection: Connection) -> [Environment.Key: String?] {
        var variables: [Environment.Key: String?] = [:]
        for name in all { variables.updateValue(nil, forKey: name) }
        let local = try? connection.localAddress
        if let (ip, port) = internetAddress(connection.peerAddress) {
            variables["PROTO"] = "TCP"
            variables["TCPREMOTEIP"] = ip
            variables["TCPREMOTEPORT"] = port
            if let (ip, port) = local.flatMap(internetAddress) {
                variables["TCPLOCALIP"] = ip
                variables["TCPLOCALPORT"] = port
            }
        } else {
            variables["PROTO"] = "UNIX"
            if case .unix(let name) = local { variables["UNIXLOCALPATH"] = name.path }
            if let peer = try? connection.peerCredentials {
                variables["UNIXREMOTEPID"] = "\(peer.processID)"
                variables["UNIXREMOTEEUID"] = "\(peer.userID)"
                variables["UNIXREMOTEEGID"] = "\(peer.groupID)"
            }
        }
        return variables
    }

    private static let all: [Environment.Key] = [
        "PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALIP", "TCPLOCALPORT",
        "TCPLOCALHOST", "UNIXLOCALPATH", "UNIXLOCALUID", "UNIXLOCALGID", "UNIXREMOTEPID", "UNIXREMOTEEUID",
        "UNIXREMOTEEGID",
    ]

    private static func internetAddress(_ address: SocketAddress) -> (ip: String, port: String)? {
        guard let ip = address.ip, let port = address.port else { return nil }
        // A socket for both families knows an IPv4 peer by an IPv6 address.
        if case .v6(let address) = ip, let mapped = address.ipv4Mapped { return ("\(mapped)", "\(port)") }
        return ("\(ip)", "\(port)")
    }
}
