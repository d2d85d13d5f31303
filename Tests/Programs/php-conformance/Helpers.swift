// SPDX-License-Identifier: Apache-2.0

import Foundation
import PHPSockets

extension Interpreter {
    /// What the cases use beside PHP's functions; Tests/Conformance/driver.php has the same.
    func helper(_ call: Call) throws -> Value? {
        switch call.name {
        case "tcp":
            let listener = try listener()
            let client = try require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
            _ = try socket_connect(client, "127.0.0.1", try port(of: listener))
            call.set(0, .socket(client))
            call.set(1, .socket(try require(try socket_accept(listener))))
            return .bool(true)
        case "listener": return .socket(try listener())
        case "udp":
            let socket = try require(try socket_create(AF_INET, SOCK_DGRAM, SOL_UDP))
            _ = try socket_bind(socket, "127.0.0.1", 0)
            return .socket(socket)
        case "port_of": return .int(try port(of: try call.socket))
        case "fill":
            let socket = try call.socket
            _ = try socket_set_nonblock(socket)
            while try socket_write(socket, [UInt8](repeating: 0x66, count: 65_536)) != nil {}
            _ = try socket_set_block(socket)
            return .bool(true)
        case "path": return .string(PHPString("\(folder)/\(call[0].string)"))
        case "abstract_name": return .string(PHPString("\0\(folder)/\(call[0].string)"))
        case "bytes": return .string(PHPString((0..<call[1].int).flatMap { _ in call[0].string.bytes }))
        case "size":
            if case .string(let text) = call[0] { return .int(text.count) }
            return .int(call[0].elements.count)
        case "abort":
            let socket = try call.socket
            try socket_set_option(socket, SOL_SOCKET, SO_LINGER, .linger(l_onoff: 1, l_linger: 0))
            try socket_close(socket)
            return .bool(true)
        case "signal_soon":
            signalSoon()
            return .bool(true)
        case "pause":
            usleep(20_000)
            return .bool(true)
        case "same": return .bool(isSame(call[0], call[1]))
        case "at_least": return .bool(call[0].int >= call[1].int)
        case "between": return .bool(call[1].int <= call[0].int && call[0].int <= call[2].int)
        default: return nil
        }
    }

    private func require(_ socket: PHPSocket?) throws -> PHPSocket {
        guard let socket else { throw SyntaxError(line: "no socket: \(try socket_strerror(try socket_last_error()))") }
        return socket
    }

    private func listener() throws -> PHPSocket {
        let listener = try require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
        _ = try socket_bind(listener, "127.0.0.1", 0)
        _ = try socket_listen(listener, 16)
        return listener
    }

    private func port(of socket: PHPSocket) throws -> Int {
        var (address, port) = ("", 0)
        _ = try socket_getsockname(socket, &address, &port)
        return port
    }

    private func isSame(_ one: Value, _ other: Value) -> Bool {
        if case (.socket(let one), .socket(let other)) = (one, other) { return one === other }
        return one.shown("", folder) == other.shown("", folder)
    }

    /// A signal whose handler does nothing, in a tenth of a second.
    private func signalSoon() {
        var action = sigaction()
        // SAFETY: the handler does nothing; both structures are initialised, and read by the calls.
        unsafe action.__sigaction_handler.sa_handler = { _ in }
        unsafe sigaction(SIGALRM, &action, nil)
        var timer = itimerval()
        timer.it_value.tv_usec = 100_000
        unsafe setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    }
}
