// SPDX-License-Identifier: Apache-2.0

import Foundation
import PHPSockets

extension Interpreter {
    /// Calls a function by its name. A variable that PHP takes by reference is set afterwards.
    func call(_ name: String, _ arguments: [Expression]) throws -> Value {
        let call = Call(self, name, try arguments.map(value(of:)), arguments)
        if let result = try creating(call) ?? connecting(call) ?? transferring(call) ?? vectors(call) ?? others(call) {
            return result
        }
        guard let result = try helper(call) else { throw SyntaxError(line: name) }
        return result
    }

    private func creating(_ call: Call) throws -> Value? {
        switch call.name {
        case "socket_create": return Value(try socket_create(call[0].int, call[1].int, call[2].int))
        case "socket_create_pair":
            var pair: [PHPSocket] = []
            let isMade = try socket_create_pair(call[0].int, call[1].int, call[2].int, &pair)
            if isMade { call.set(3, .list(pair.map(Value.socket))) }
            return .bool(isMade)
        case "socket_create_listen":
            return Value(
                call.count > 1
                    ? try socket_create_listen(call[0].int, call[1].int) : try socket_create_listen(call[0].int))
        case "socket_close":
            try socket_close(call.socket)
            return .null
        case "socket_shutdown":
            return .bool(
                call.count > 1 ? try socket_shutdown(call.socket, call[1].int) : try socket_shutdown(call.socket))
        case "socket_set_block": return .bool(try socket_set_block(call.socket))
        case "socket_set_nonblock": return .bool(try socket_set_nonblock(call.socket))
        default: return nil
        }
    }

    private func connecting(_ call: Call) throws -> Value? {
        switch call.name {
        case "socket_bind":
            return .bool(
                call.count > 2
                    ? try socket_bind(call.socket, call[1].string, call[2].int)
                    : try socket_bind(call.socket, call[1].string))
        case "socket_listen":
            return .bool(call.count > 1 ? try socket_listen(call.socket, call[1].int) : try socket_listen(call.socket))
        case "socket_accept": return Value(try socket_accept(call.socket))
        case "socket_connect":
            return .bool(
                try socket_connect(call.socket, call[1].string, call.count > 2 ? call[2].optionalInt : nil))
        case "socket_getsockname", "socket_getpeername":
            var address = call[1].string.description
            var port = call.count > 2 ? call[2].int : -1
            let isOwn = call.name == "socket_getsockname"
            let isTold =
                isOwn
                ? try socket_getsockname(call.socket, &address, &port)
                : try socket_getpeername(call.socket, &address, &port)
            if isTold {
                call.set(1, .string(PHPString(address)))
                if call.count > 2, port != call[2].int { call.set(2, .int(port)) }
                if call.count > 2, port == 0, !call.isUnix { call.set(2, .int(0)) }
            }
            return .bool(isTold)
        default: return nil
        }
    }

    private func transferring(_ call: Call) throws -> Value? {
        switch call.name {
        case "socket_read":
            return Value(
                call.count > 2
                    ? try socket_read(call.socket, call[1].int, call[2].int)
                    : try socket_read(call.socket, call[1].int))
        case "socket_recv":
            var data: PHPString? = call.optionalString(1)
            let count = try socket_recv(call.socket, &data, call[2].int, call[3].int)
            call.set(1, data.map(Value.string) ?? .null)
            return Value(count)
        case "socket_recvfrom":
            var data: PHPString? = call.optionalString(1)
            var address = call[4].string.description
            var port = call.count > 5 ? call[5].int : 0
            let count =
                call.count > 5
                ? try socket_recvfrom(call.socket, &data, call[2].int, call[3].int, &address, &port)
                : try socket_recvfrom(call.socket, &data, call[2].int, call[3].int, &address)
            if count != nil {
                call.set(1, data.map(Value.string) ?? .null)
                call.set(4, .string(PHPString(address)))
                if call.count > 5, !call.isUnix { call.set(5, .int(port)) }
            }
            return Value(count)
        case "socket_write":
            return Value(try socket_write(call.socket, call[1].string, call.count > 2 ? call[2].optionalInt : nil))
        case "socket_send": return Value(try socket_send(call.socket, call[1].string, call[2].int, call[3].int))
        case "socket_sendto":
            return Value(
                try socket_sendto(
                    call.socket, call[1].string, call[2].int, call[3].int, call[4].string,
                    call.count > 5 ? call[5].optionalInt : nil))
        case "socket_sendmsg":
            if case .iovec(let iovec) = call[1] {
                return Value(
                    try socket_sendmsg(
                        call.socket, iovec, call[2].int, call[3].string, call.count > 4 ? call[4].optionalInt : nil))
            }
            let flags = call.count > 2 ? call[2].int : 0
            return Value(try socket_sendmsg(call.socket, PHPMessage(sending: call[1], call.family), flags))
        case "socket_recvmsg": return try receiveMessage(call)
        default: return nil
        }
    }

    private func receiveMessage(_ call: Call) throws -> Value {
        if case .iovec(let iovec) = call[1] {
            var control: [PHPControl] = []
            var (length, flags, address, port) = (call[3].int, call[4].int, "", 0)
            let count = try socket_recvmsg(call.socket, iovec, &control, &length, &flags, &address, &port)
            if count != nil {
                call.set(2, .list(control.map(Value.init(_:))))
                call.set(3, .int(length))
                call.set(4, .int(flags))
                call.set(5, .string(PHPString(address)))
                if !call.isUnix { call.set(6, .int(port)) }
            }
            return Value(count)
        }
        let given = call[1]
        var message: PHPMessage? = PHPMessage(
            name: given["name"] == nil ? nil : .any, buffer_size: given["buffer_size"]?.int ?? 8192,
            controllen: given["controllen"]?.int)
        let count = try socket_recvmsg(call.socket, &message, call.count > 2 ? call[2].int : 0)
        if count != nil { call.set(1, message.map(Value.init(_:)) ?? .bool(false)) }
        return Value(count)
    }

    private func vectors(_ call: Call) throws -> Value? {
        switch call.name {
        case "socket_iovec_alloc":
            let lengths = (1..<max(1, call.count)).map { call[$0].int }
            switch lengths.count {
            case 0: return .iovec(try socket_iovec_alloc(call[0].int))
            case 1: return .iovec(try socket_iovec_alloc(call[0].int, lengths[0]))
            case 2: return .iovec(try socket_iovec_alloc(call[0].int, lengths[0], lengths[1]))
            default: return .iovec(try socket_iovec_alloc(call[0].int, lengths[0], lengths[1], lengths[2]))
            }
        case "socket_iovec_add": return .bool(try socket_iovec_add(call.iovec, call[1].int))
        case "socket_iovec_set": return .bool(try socket_iovec_set(call.iovec, call[1].int, call[2].string))
        case "socket_iovec_fetch": return .string(try socket_iovec_fetch(call.iovec, call[1].int))
        case "socket_iovec_delete": return .bool(try socket_iovec_delete(call.iovec, call[1].int))
        case "socket_iovec_free": return .bool(try socket_iovec_free(call.iovec))
        case "socket_readv": return Value(try socket_readv(call.socket, call.iovec(at: 1)))
        case "socket_writev": return Value(try socket_writev(call.socket, call.iovec(at: 1)))
        default: return nil
        }
    }

    private func others(_ call: Call) throws -> Value? {
        switch call.name {
        case "socket_get_option":
            return try socket_get_option(call.socket, call[1].int, call[2].int).map {
                Value($0, level: call[1].int, option: call[2].int)
            } ?? .bool(false)
        case "socket_set_option":
            return .bool(try socket_set_option(call.socket, call[1].int, call[2].int, PHPOption(call[3])))
        case "socket_select": return try select(call)
        case "socket_last_error":
            return .int(call.count > 0 ? try socket_last_error(call.optionalSocket) : try socket_last_error())
        case "socket_clear_error":
            if call.count > 0 { try socket_clear_error(call.optionalSocket) } else { try socket_clear_error() }
            return .null
        case "socket_strerror": return .string(PHPString(try socket_strerror(call[0].int)))
        case "socket_cmsg_space":
            return Value(try socket_cmsg_space(call[0].int, call[1].int, call.count > 2 ? call[2].int : 0))
        default: return nil
        }
    }

    private func select(_ call: Call) throws -> Value {
        var (read, write, except) = (call.sockets(0), call.sockets(1), call.sockets(2))
        let count =
            call.count > 4
            ? try socket_select(&read, &write, &except, call[3].optionalInt, call[4].int)
            : try socket_select(&read, &write, &except, call[3].optionalInt)
        if count != nil {
            for (index, sockets) in [read, write, except].enumerated() {
                if let sockets { call.set(index, sockets.value) }
            }
        }
        return Value(count)
    }
}

/// A call with its arguments.
struct Call {
    let name: String
    private let interpreter: Interpreter
    private let values: [Value]
    private let expressions: [Expression]

    init(_ interpreter: Interpreter, _ name: String, _ values: [Value], _ expressions: [Expression]) {
        self.interpreter = interpreter
        self.name = name
        self.values = values
        self.expressions = expressions
    }

    var count: Int { values.count }
    subscript(index: Int) -> Value { index < values.count ? values[index] : .null }

    func set(_ index: Int, _ value: Value) {
        guard index < expressions.count, case .variable(let name) = expressions[index] else { return }
        interpreter.set(name, value)
    }

    var socket: PHPSocket {
        get throws {
            guard let socket = optionalSocket else { throw SyntaxError(line: "\(name): no socket") }
            return socket
        }
    }

    var optionalSocket: PHPSocket? { if case .socket(let socket) = self[0] { socket } else { nil } }

    var iovec: SocketIOVec { get throws { try iovec(at: 0) } }

    func iovec(at index: Int) throws -> SocketIOVec {
        guard case .iovec(let iovec) = self[index] else { throw SyntaxError(line: "\(name): no iovec") }
        return iovec
    }

    func optionalString(_ index: Int) -> PHPString? {
        if case .string(let string) = self[index] { string } else { nil }
    }

    /// The family, by what the kernel says of the address.
    var isUnix: Bool { family == AF_UNIX }
    var family: Int {
        guard let socket = optionalSocket else { return AF_INET }
        // SO_DOMAIN of socket(7), which PHP has no name for.
        return (try? socket_get_option(socket, SOL_SOCKET, 39))?.int ?? AF_INET
    }

    /// A set of socket_select.
    func sockets(_ index: Int) -> KeyedSockets? {
        guard case .array(let elements) = self[index] else { return nil }
        return KeyedSockets(elements: elements)
    }
}

/// An array of PHP's with sockets, whose keys and order socket_select keeps.
struct KeyedSockets: PHPSocketSet {
    var elements: [(key: Value?, value: Value)]

    var phpSockets: [PHPSocket]? {
        elements.compactMap { if case .socket(let socket) = $0.value { socket } else { nil } }
    }

    mutating func keep(_ isKept: (PHPSocket) -> Bool) {
        // A list whose elements are not all kept has keys with gaps.
        let keyed = elements.enumerated().map { index, element in
            (key: element.key ?? .int(index), value: element.value)
        }
        elements = keyed.filter { if case .socket(let socket) = $0.value { isKept(socket) } else { false } }
            .map { ($0, $1) }
    }

    /// The array; a list again if its keys are one's.
    var value: Value {
        let isList = elements.enumerated().allSatisfy { index, element in
            if case .int(index)? = element.key { true } else { element.key == nil }
        }
        return .array(isList ? elements.map { (nil, $0.value) } : elements)
    }
}
