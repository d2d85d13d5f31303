// SPDX-License-Identifier: Apache-2.0

package import AsyncSockets
public import Sockets

/// Where a server is.
public struct ServerAddress: Hashable, Sendable {
    private enum Place: Hashable {
        case address(SocketAddress)
        case host(String, port: UInt16)
    }

    private let place: Place

    /// Port 11300 on this machine.
    public static let `default` = ServerAddress(.ipv4(.loopback, port: 11300))

    /// An address.
    public init(_ address: SocketAddress) {
        place = .address(address)
    }

    /// A host by its name. All its addresses are tried, those of both families in turn.
    public init(host: String, port: UInt16 = 11300) {
        place = .host(host, port: port)
    }

    /// An address as text: `127.0.0.1:11300`, `[::1]:11300`, `unix:/run/talkback.sock`, `queue.example:11300`; `nil` if
    /// it is none.
    public init?(parsing text: String) {
        if let address = try? SocketAddress(parsing: text), address != .unix(.unnamed) {
            place = .address(address)
            return
        }
        guard !text.hasPrefix("unix:"), let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        let host = String(text[..<colon])
        guard !host.isEmpty, !host.contains(where: { ":[]/ ".contains($0) }) else { return nil }
        place = .host(host, port: port)
    }

    /// A connection to the server.
    package func connect(on loop: EventLoop, timeout: Duration) async throws(SocketError) -> Connection {
        switch place {
        case .address(let address): try await Connection.connect(to: address, on: loop, timeout: timeout)
        case .host(let host, let port):
            try await Connection.connect(toHost: host, port: port, on: loop, timeout: timeout)
        }
    }
}

extension ServerAddress: CustomStringConvertible {
    /// As it is parsed.
    public var description: String {
        switch place {
        case .address(let address): "\(address)"
        case .host(let host, let port): "\(host):\(port)"
        }
    }
}
