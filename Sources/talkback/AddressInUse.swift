// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import SystemPackage
import TalkbackClient

/// Who has the address that `serve` was to listen on.
enum AddressInUse {
    /// The error with the server that listens there already, if it is one.
    static func explanation(of error: SocketError, on loop: EventLoop) async -> any Error {
        guard case .address(let address)? = error.subject else { return error }
        return CleanError("\(error): \(await occupant(of: address.reachableHere, on: loop))")
    }

    /// Who listens at an address, and what to do about it.
    private static func occupant(of address: SocketAddress, on loop: EventLoop) async -> String {
        let options = ClientOptions(connectTimeout: .seconds(1), patience: .zero, replyTimeout: .seconds(1))
        guard let client = try? Client(ServerAddress(address), options: options, on: loop),
            let statistics = try? await client.statistics(), let process = statistics.text("pid")
        else { return "another program has the address; --listen takes another one" }
        await client.close()
        let version = statistics.text("version") ?? "unknown"
        return "a server listens there already, version \(version), process \(process); "
            + "stop it, or give this one another address with --listen and another folder with --data"
    }
}

extension SocketAddress {
    /// Where an address that listens everywhere is reached from this machine.
    var reachableHere: SocketAddress {
        switch self {
        case .ipv4(.any, let port): .ipv4(.loopback, port: port)
        case .ipv6(.any, let port, _, _): .ipv6(.loopback, port: port)
        default: self
        }
    }
}
