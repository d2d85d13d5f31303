// SPDX-License-Identifier: Apache-2.0

import PHPSockets
import TestSupport
import Testing

/// PHP's functions with numbers at their limits: they return, warn or throw as PHP does, and no number ends the
/// process.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct PHPLimitTests {
    private static func pair(_ type: Int = SOCK_STREAM) throws -> [PHPSocket] {
        var pair: [PHPSocket] = []
        try #require(try socket_create_pair(AF_UNIX, type, 0, &pair))
        return pair
    }

    /// A socket with something to receive, after which nothing comes.
    private static func full(_ type: Int = SOCK_STREAM) throws -> PHPSocket {
        let pair = try pair(type)
        _ = try socket_write(pair[1], "hello")
        _ = try socket_shutdown(pair[1], 1)
        _ = try socket_set_nonblock(pair[0])
        return pair[0]
    }

    private static func udp() throws -> PHPSocket {
        let socket = try #require(try socket_create(AF_INET, SOCK_DGRAM, SOL_UDP))
        try #require(try socket_bind(socket, "127.0.0.1"))
        return socket
    }

    private static func quietly(_ body: () throws -> Void) throws {
        _ = try Warnings.during(body)
    }

    private static func receive(_ length: Int, _ flags: Int) throws {
        for type in [SOCK_STREAM, SOCK_DGRAM] {
            var data: PHPString?
            let count = try socket_recv(full(type), &data, length, flags)
            if length > 0, length <= Int32.max, flags == 0 { #expect(count == min(5, length)) }
        }
    }

    private static func receiveFrom(_ length: Int, _ flags: Int, _ port: Int = 0) throws {
        for type in [SOCK_STREAM, SOCK_DGRAM] {
            var (data, address, port) = (PHPString?.none, "", port)
            let count = try socket_recvfrom(full(type), &data, length, flags, &address, &port)
            if length > 0, length <= Int32.max, flags == 0 { #expect(count == min(5, length)) }
            _ = try socket_recvfrom(full(type), &data, length, flags, &address)
        }
    }

    private static func receiveMessage(_ size: Int, _ room: Int?, _ flags: Int = 0) throws {
        for type in [SOCK_STREAM, SOCK_DGRAM] {
            var message: PHPMessage? = PHPMessage(buffer_size: size, controllen: room)
            _ = try socket_recvmsg(full(type), &message, flags)
        }
    }

    private static func receiveVector(_ room: Int, _ flags: Int, _ port: Int) throws {
        var (control, controllen, flags, address, port) = ([PHPControl](), room, flags, "", port)
        let vector = try socket_iovec_alloc(1, 10)
        _ = try socket_recvmsg(full(), vector, &control, &controllen, &flags, &address, &port)
    }

    private static func send(_ control: PHPControl) throws {
        _ = try socket_sendmsg(pair()[0], PHPMessage(iov: ["x"], control: [control]), MSG_DONTWAIT)
    }

    private static func send(to name: PHPName, _ family: Int) throws {
        let socket = try #require(try socket_create(family, SOCK_DGRAM, 0))
        _ = try socket_sendmsg(socket, PHPMessage(name: name, iov: ["x"]), MSG_DONTWAIT)
    }

    private static func set(_ level: Int, _ option: Int, _ value: PHPOption) throws {
        for socket in [try udp(), try #require(try socket_create(AF_INET6, SOCK_STREAM, SOL_TCP))] {
            try socket_set_option(socket, level, option, value)
        }
    }

    static let transfers: [LimitedCall] = [
        .call("socket_read(_:_:_:)", "length") { (length: Int) in
            try quietly {
                _ = try socket_read(full(), length)
                _ = try socket_read(full(), length, PHP_NORMAL_READ)
            }
        },
        .call("socket_read(_:_:_:)", "mode") { (mode: Int) in try quietly { _ = try socket_read(full(), 5, mode) } },
        .call("socket_recv(_:_:_:_:)", "length") { (length: Int) in
            try quietly {
                for flags in [0, MSG_PEEK, MSG_WAITALL, MSG_TRUNC] { try receive(length, flags) }
            }
        },
        .call("socket_recv(_:_:_:_:)", "flags") { (flags: Int) in try quietly { try receive(5, flags | MSG_DONTWAIT) }
        },
        .call("socket_recvfrom(_:_:_:_:_:)", "length") { (length: Int) in try quietly { try receiveFrom(length, 0) } },
        .call("socket_recvfrom(_:_:_:_:_:)", "flags") { (flags: Int) in
            try quietly { try receiveFrom(5, flags | MSG_DONTWAIT) }
        },
        .call("socket_recvfrom(_:_:_:_:_:_:)", "length") { (length: Int) in
            try quietly {
                for flags in [0, MSG_PEEK, MSG_WAITALL, MSG_TRUNC] { try receiveFrom(length, flags) }
            }
        },
        .call("socket_recvfrom(_:_:_:_:_:_:)", "flags") { (flags: Int) in
            try quietly { try receiveFrom(5, flags | MSG_DONTWAIT) }
        },
        .call("socket_recvfrom(_:_:_:_:_:_:)", "port") { (port: Int) in try quietly { try receiveFrom(5, 0, port) } },
        .call("socket_write(_:_:_:)", "length") { (length: Int) in
            try quietly { _ = try socket_write(pair()[0], "x", length) }
        },
        .call("socket_send(_:_:_:_:)", "length") { (length: Int) in
            try quietly { _ = try socket_send(pair()[0], "x", length, 0) }
        },
        .call("socket_send(_:_:_:_:)", "flags") { (flags: Int) in
            try quietly { _ = try socket_send(pair()[0], "x", 1, flags) }
        },
        .call("socket_sendto(_:_:_:_:_:_:)", "length") { (length: Int) in
            try quietly { _ = try socket_sendto(udp(), "x", length, 0, "127.0.0.1", 9) }
        },
        .call("socket_sendto(_:_:_:_:_:_:)", "flags") { (flags: Int) in
            try quietly { _ = try socket_sendto(udp(), "x", 1, flags | MSG_DONTWAIT, "127.0.0.1", 9) }
        },
        .call("socket_sendto(_:_:_:_:_:_:)", "port") { (port: Int) in
            try quietly { _ = try socket_sendto(udp(), "x", 1, 0, "127.0.0.1", port) }
        },
        .call("socket_select(_:_:_:_:_:)", "seconds") { (seconds: Int) in try quietly { try select(seconds, 0) } },
        .call("socket_select(_:_:_:_:_:)", "microseconds") { (microseconds: Int) in
            try quietly {
                try select(0, microseconds)
                try select(.max, microseconds)
            }
        },
    ]

    private static func select(_ seconds: Int, _ microseconds: Int) throws {
        var read = [try full()]
        var (write, except): ([PHPSocket]?, [PHPSocket]?) = (nil, nil)
        _ = try socket_select(&read, &write, &except, seconds, microseconds)
    }

    static let messages: [LimitedCall] = [
        .call("PHPMessage.init(name:buffer_size:controllen:)", "buffer_size") { (size: Int) in
            try quietly { try receiveMessage(size, 100) }
        },
        .call("PHPMessage.init(name:buffer_size:controllen:)", "controllen") { (room: Int) in
            try quietly {
                try receiveMessage(5, room)
                try receiveMessage(5, Int(UInt32.max))
            }
        },
        .call("socket_recvmsg(_:_:_:)", "flags") { (flags: Int) in
            try quietly { try receiveMessage(5, 100, flags) }
        },
        .call("socket_recvmsg(_:_:_:_:_:_:_:)", "controllen") { (room: Int) in
            try quietly { try receiveVector(room, 0, 0) }
        },
        .call("socket_recvmsg(_:_:_:_:_:_:_:)", "flags") { (flags: Int) in
            try quietly { try receiveVector(100, flags, 0) }
        },
        .call("socket_recvmsg(_:_:_:_:_:_:_:)", "port") { (port: Int) in
            try quietly { try receiveVector(100, 0, port) }
        },
        .call("socket_sendmsg(_:_:_:)", "flags") { (flags: Int) in
            try quietly { _ = try socket_sendmsg(pair()[0], PHPMessage(iov: ["x"]), flags) }
        },
        .call("socket_sendmsg(_:_:_:_:_:)", "flags") { (flags: Int) in
            try quietly { _ = try socket_sendmsg(udp(), socket_iovec_alloc(1, 1), flags, "127.0.0.1", 9) }
        },
        .call("socket_sendmsg(_:_:_:_:_:)", "port") { (port: Int) in
            try quietly { _ = try socket_sendmsg(udp(), socket_iovec_alloc(1, 1), 0, "127.0.0.1", port) }
        },
        .call("PHPControl.credentials(pid:uid:gid:)", "pid") { (number: Int) in
            try quietly { try send(.credentials(pid: number, uid: 0, gid: 0)) }
        },
        .call("PHPControl.credentials(pid:uid:gid:)", "uid") { (number: Int) in
            try quietly { try send(.credentials(pid: 1, uid: number, gid: 0)) }
        },
        .call("PHPControl.credentials(pid:uid:gid:)", "gid") { (number: Int) in
            try quietly { try send(.credentials(pid: 1, uid: 0, gid: number)) }
        },
        .call("PHPControl.hopLimit(_:)", "0") { (number: Int) in try quietly { try send(.hopLimit(number)) } },
        .call("PHPControl.trafficClass(_:)", "0") { (number: Int) in try quietly { try send(.trafficClass(number)) } },
        .call("PHPName.inet(addr:port:)", "port") { (port: Int) in
            try quietly { try send(to: .inet(addr: "127.0.0.1", port: port), AF_INET) }
        },
        .call("PHPName.inet6(addr:port:flowinfo:scope_id:)", "port") { (port: Int) in
            try quietly { try send(to: .inet6(addr: "::1", port: port), AF_INET6) }
        },
        .call("PHPName.inet6(addr:port:flowinfo:scope_id:)", "flowinfo") { (number: Int) in
            try quietly { try send(to: .inet6(addr: "::1", port: 9, flowinfo: number), AF_INET6) }
        },
        .call("PHPName.inet6(addr:port:flowinfo:scope_id:)", "scope_id") { (number: Int) in
            try quietly { try send(to: .inet6(addr: "::1", port: 9, scope_id: number), AF_INET6) }
        },
        .call("socket_cmsg_space(_:_:_:)", "level") { (level: Int) in
            try quietly { _ = try socket_cmsg_space(level, SCM_RIGHTS, 1) }
        },
        .call("socket_cmsg_space(_:_:_:)", "type") { (type: Int) in
            try quietly { _ = try socket_cmsg_space(SOL_SOCKET, type, 1) }
        },
        .call("socket_cmsg_space(_:_:_:)", "num") { (number: Int) in
            try quietly { _ = try socket_cmsg_space(SOL_SOCKET, SCM_RIGHTS, number) }
        },
    ]

    static let sockets: [LimitedCall] = [
        .call("socket_create(_:_:_:)", "domain") { (number: Int) in
            try quietly { _ = try socket_create(number, SOCK_STREAM, 0) }
        },
        .call("socket_create(_:_:_:)", "type") { (number: Int) in
            try quietly { _ = try socket_create(AF_INET, number, 0) }
        },
        .call("socket_create(_:_:_:)", "protocol") { (number: Int) in
            try quietly { _ = try socket_create(AF_INET, SOCK_STREAM, number) }
        },
        .call("socket_create_pair(_:_:_:_:)", "domain") { (number: Int) in
            var pair: [PHPSocket] = []
            try quietly { _ = try socket_create_pair(number, SOCK_STREAM, 0, &pair) }
        },
        .call("socket_create_pair(_:_:_:_:)", "type") { (number: Int) in
            var pair: [PHPSocket] = []
            try quietly { _ = try socket_create_pair(AF_UNIX, number, 0, &pair) }
        },
        .call("socket_create_pair(_:_:_:_:)", "protocol") { (number: Int) in
            var pair: [PHPSocket] = []
            try quietly { _ = try socket_create_pair(AF_UNIX, SOCK_STREAM, number, &pair) }
        },
        .call("socket_create_listen(_:_:)", "port") { (port: Int) in
            try quietly { _ = try socket_create_listen(port) }
        },
        .call("socket_create_listen(_:_:)", "backlog") { (backlog: Int) in
            try quietly { _ = try socket_create_listen(0, backlog) }
        },
        .call("socket_listen(_:_:)", "backlog") { (backlog: Int) in
            let socket = try #require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
            try quietly { _ = try (socket_bind(socket, "127.0.0.1"), socket_listen(socket, backlog)) }
        },
        .call("socket_bind(_:_:_:)", "port") { (port: Int) in
            let socket = try #require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
            try quietly { _ = try socket_bind(socket, "127.0.0.1", port) }
        },
        .call("socket_connect(_:_:_:)", "port") { (port: Int) in
            let socket = try #require(try socket_create(AF_INET, SOCK_STREAM, SOL_TCP))
            try quietly { _ = try socket_connect(socket, "127.0.0.1", port) }
        },
        .call("socket_getsockname(_:_:_:)", "port") { (port: Int) in
            var (address, port) = ("", port)
            try quietly { _ = try socket_getsockname(udp(), &address, &port) }
        },
        .call("socket_getpeername(_:_:_:)", "port") { (port: Int) in
            var (address, port) = ("", port)
            try quietly { _ = try socket_getpeername(udp(), &address, &port) }
        },
        .call("socket_shutdown(_:_:)", "mode") { (mode: Int) in try quietly { _ = try socket_shutdown(pair()[0], mode) }
        },
        .call("socket_strerror(_:)", "error_code") { (number: Int) in _ = try socket_strerror(number) },
    ]

    static let options: [LimitedCall] = [
        .call("socket_get_option(_:_:_:)", "level") { (level: Int) in
            try quietly { _ = try socket_get_option(udp(), level, SO_TYPE) }
        },
        .call("socket_get_option(_:_:_:)", "option") { (option: Int) in
            try quietly { _ = try socket_get_option(udp(), SOL_SOCKET, option) }
        },
        .call("socket_set_option(_:_:_:_:)", "level") { (level: Int) in try quietly { try set(level, SO_KEEPALIVE, 1) }
        },
        .call("socket_set_option(_:_:_:_:)", "option") { (option: Int) in try quietly { try set(SOL_SOCKET, option, 1) }
        },
        .call("socket_set_option(_:_:_:_:)", "value") { (value: Int) in
            try quietly { try socket_set_option(udp(), SOL_SOCKET, SO_RCVBUF, value) }
        },
        .call("PHPOption.init(integerLiteral:)", "value") { (value: Int) in
            try quietly { try set(IPPROTO_IP, IP_MULTICAST_TTL, PHPOption(integerLiteral: value)) }
        },
        .call("PHPOption.int(_:)", "0") { (value: Int) in
            try quietly {
                for option in [IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP] {
                    do { try set(IPPROTO_IP, option, .int(value)) } catch is PHPError {}
                }
                for option in [IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP, IPV6_UNICAST_HOPS] {
                    do { try set(IPPROTO_IPV6, option, .int(value)) } catch is PHPError {}
                }
            }
        },
        .call("PHPOption.integers(_:)", "0") { (value: Int) in
            try quietly { try set(SOL_SOCKET, SO_MEMINFO, .integers([value])) }
        },
        .call("PHPOption.linger(l_onoff:l_linger:)", "l_onoff") { (value: Int) in
            try quietly { try set(SOL_SOCKET, SO_LINGER, .linger(l_onoff: value, l_linger: 0)) }
        },
        .call("PHPOption.linger(l_onoff:l_linger:)", "l_linger") { (value: Int) in
            try quietly { try set(SOL_SOCKET, SO_LINGER, .linger(l_onoff: 1, l_linger: value)) }
        },
        .call("PHPOption.timeout(sec:usec:)", "sec") { (value: Int) in
            try quietly { try set(SOL_SOCKET, SO_RCVTIMEO, .timeout(sec: value, usec: 0)) }
        },
        .call("PHPOption.timeout(sec:usec:)", "usec") { (value: Int) in
            try quietly { try set(SOL_SOCKET, SO_RCVTIMEO, .timeout(sec: 0, usec: value)) }
        },
        .call("PHPInterface.index(_:)", "0") { (index: Int) in
            try quietly { try set(IPPROTO_IP, MCAST_JOIN_GROUP, .group("224.0.0.251", interface: .index(index))) }
        },
        .call("PHPInterface.init(integerLiteral:)", "index") { (index: Int) in
            try quietly {
                let interface = PHPInterface(integerLiteral: index)
                try set(IPPROTO_IPV6, IPV6_PKTINFO, .packetInfo(addr: "::1", ifindex: interface))
            }
        },
    ]

    static let vectors: [LimitedCall] = [
        .call("PHPString.subscript(_:)", "position") { (position: Int) in
            var string: PHPString = "x"
            string[position] = 0x79
            #expect(string[position] == (position == 0 ? 0x79 : 0))
        },
        .call("SocketIOVec.advance(by:)", "byteCount") { (count: Int) in try socket_iovec_alloc(1, 3).advance(by: count)
        },
        .call("socket_iovec_alloc(_:_:)", "num_vectors") { (count: Int) in _ = try socket_iovec_alloc(count, 3) },
        .call("socket_iovec_alloc(_:_:)", "lengths") { (length: Int) in _ = try socket_iovec_alloc(2, 3, length) },
        .call("socket_iovec_add(_:_:)", "iov_len") { (length: Int) in
            try socket_iovec_add(socket_iovec_alloc(1, 3), length)
        },
        .call("socket_iovec_set(_:_:_:)", "iov_position") { (position: Int) in
            try quietly { try socket_iovec_set(socket_iovec_alloc(1, 3), position, "x") }
        },
        .call("socket_iovec_fetch(_:_:)", "iov_position") { (position: Int) in
            try quietly { _ = try socket_iovec_fetch(socket_iovec_alloc(1, 3), position) }
        },
        .call("socket_iovec_delete(_:_:)", "iov_pos") { (position: Int) in
            try quietly { try socket_iovec_delete(socket_iovec_alloc(1, 3), position) }
        },
    ]

    @Test(arguments: transfers + messages + sockets + options + vectors)
    func callIsAsPHPs(call: LimitedCall) async {
        await call.run(throwing: PHPError.self)
    }
}
