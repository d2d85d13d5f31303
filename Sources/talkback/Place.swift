// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import Sockets

/// Where to listen or to connect to, as it is written in an argument.
enum Place {
    case address(SocketAddress)
    /// A host's name. For a listener `*` is all addresses.
    case host(String, port: UInt16)

    /// - Parameter argument: What an error calls the argument that the text is of.
    init(_ text: String, of argument: String) throws {
        if text.hasPrefix("unix:") {
            guard text != "unix:" else {
                throw ValidationError("\(argument) takes HOST:PORT or unix:PATH, not \"unix:\": the path is empty.")
            }
            do throws(SocketError) {
                self = .address(try SocketAddress(parsing: text))
            } catch {
                throw ValidationError("\(error)")
            }
        } else if let address = try? SocketAddress(parsing: text) {
            self = .address(address)
        } else {
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
                case let host = text[..<colon], !host.isEmpty, !host.contains(":")
            else {
                throw ValidationError("\(argument) takes HOST:PORT or unix:PATH, not \"\(text)\".")
            }
            self = .host(String(host), port: port)
        }
    }

    func listener(on loop: EventLoop) async throws(SocketError) -> Listener {
        guard case .host(let host, let port) = self, host != "*" else { return try listenerWithoutLookup(on: loop) }
        return try await Listener.bind(toHost: host, port: port, on: loop)
    }

    /// As ``listener(on:)``, without another thread: looking up a name blocks this one, for many seconds if need be.
    func listenerOnThisThread(on loop: EventLoop) throws(SocketError) -> Listener {
        guard case .host(let host, let port) = self, host != "*" else { return try listenerWithoutLookup(on: loop) }
        return try Listener.bind(toHost: host, at: try SocketAddress.resolve(host: host, port: port), on: loop)
    }

    private func listenerWithoutLookup(on loop: EventLoop) throws(SocketError) -> Listener {
        switch self {
        case .address(let address): return try Listener.bind(to: address, on: loop)
        case .host(_, let port): return try Listener.bind(toPort: port, on: loop)
        }
    }

    func connection(on loop: EventLoop, timeout: Duration?) async throws(SocketError) -> Connection {
        switch self {
        case .address(let address): try await Connection.connect(to: address, on: loop, timeout: timeout)
        case .host(let host, let port):
            try await Connection.connect(toHost: host, port: port, on: loop, timeout: timeout)
        }
    }
}
