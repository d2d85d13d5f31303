// SPDX-License-Identifier: Apache-2.0

import PHPSockets

// What PHP has arrays for, as the values that PHPSockets has for it, and back.

extension PHPOption {
    init(_ value: Value) {
        switch value {
        case .string(let text): self = .text(text.description)
        case .array where value["l_onoff"] != nil:
            self = .linger(l_onoff: value["l_onoff"]?.int ?? 0, l_linger: value["l_linger"]?.int ?? 0)
        case .array where value["sec"] != nil:
            self = .timeout(sec: value["sec"]?.int ?? 0, usec: value["usec"]?.int ?? 0)
        case .array where value["source"] != nil:
            self = .sourceGroup(
                value["group"]?.string.description ?? "", source: value["source"]?.string.description ?? "",
                interface: PHPInterface(value["interface"]))
        case .array where value["group"] != nil:
            self = .group(value["group"]?.string.description ?? "", interface: PHPInterface(value["interface"]))
        case .array where value["addr"] != nil:
            self = .packetInfo(
                addr: value["addr"]?.string.description ?? "", ifindex: PHPInterface(value["ifindex"]))
        case .array(let elements): self = .int(elements.isEmpty ? 0 : 1)
        default: self = .int(value.int)
        }
    }
}

extension PHPInterface {
    init(_ value: Value?) {
        if case .string(let name)? = value { self = .name(name.description) } else { self = .index(value?.int ?? 0) }
    }
}

extension PHPMessage {
    init(sending value: Value, _ family: Int) {
        self.init(
            name: value["name"].map { PHPName($0, family) },
            iov: value["iov"]?.elements.map(\.value.string) ?? [],
            control: value["control"]?.elements.compactMap { PHPControl($0.value) } ?? [])
    }
}

extension PHPName {
    init(_ value: Value, _ family: Int) {
        let (address, port) = (value["addr"]?.string.description ?? "", value["port"]?.int ?? 0)
        switch value["family"]?.int ?? family {
        case AF_UNIX: self = .unix(path: value["path"]?.string ?? "")
        case AF_INET: self = .inet(addr: address, port: port)
        default:
            self = .inet6(
                addr: address, port: port, flowinfo: value["flowinfo"]?.int ?? 0,
                scope_id: value["scope_id"]?.int ?? 0)
        }
    }
}

extension PHPControl {
    init?(_ value: Value) {
        let data = value["data"] ?? .null
        switch (value["level"]?.int ?? 0, value["type"]?.int ?? 0) {
        case (SOL_SOCKET, SCM_RIGHTS):
            self = .rights(
                data.elements.compactMap {
                    switch $0.value {
                    case .socket(let socket): .socket(socket)
                    case .stream(let stream): .stream(stream)
                    default: nil
                    }
                })
        case (SOL_SOCKET, SCM_CREDENTIALS):
            self = .credentials(pid: data["pid"]?.int ?? 0, uid: data["uid"]?.int ?? 0, gid: data["gid"]?.int ?? 0)
        case (IPPROTO_IPV6, IPV6_PKTINFO):
            self = .packetInfo(addr: data["addr"]?.string.description ?? "", ifindex: PHPInterface(data["ifindex"]))
        case (IPPROTO_IPV6, IPV6_HOPLIMIT): self = .hopLimit(data.int)
        case (IPPROTO_IPV6, IPV6_TCLASS): self = .trafficClass(data.int)
        default: return nil
        }
    }
}

extension Value {
    init(_ option: PHPOption, level: Int, option number: Int) {
        switch option {
        case .int(let value): self = .int(value)
        case .text(let text) where level == SOL_TCP: self = .map(["name": .string(PHPString(text))])
        case .text(let text): self = .string(PHPString(text))
        case .linger(let isOn, let seconds): self = .map(["l_onoff": .int(isOn), "l_linger": .int(seconds)])
        case .timeout(let seconds, let rest): self = .map(["sec": .int(seconds), "usec": .int(rest)])
        case .integers(let values): self = .list(values.map(Value.int))
        case .group, .sourceGroup, .packetInfo: self = .null
        }
    }

    init(_ message: PHPMessage) {
        self = .map([
            "name": message.name.map(Value.init(_:)) ?? .null,
            "control": .list(message.control.map(Value.init(_:))),
            "iov": .list(message.iov.map(Value.string)),
            "flags": .int(message.flags),
        ])
    }

    init(_ name: PHPName) {
        switch name {
        case .any: self = .null
        case .inet(let address, let port):
            self = .map(["family": .int(AF_INET), "addr": .string(PHPString(address)), "port": .int(port)])
        case .inet6(let address, let port, let flowInfo, let scope):
            self = .map([
                "family": .int(AF_INET6), "addr": .string(PHPString(address)), "port": .int(port),
                "flowinfo": .int(flowInfo), "scope_id": .int(scope),
            ])
        case .unix(let path): self = .map(["family": .int(AF_UNIX), "path": .string(path)])
        }
    }

    init(_ interface: PHPInterface) {
        switch interface {
        case .index(let index): self = .int(index)
        case .name(let name): self = .string(PHPString(name))
        }
    }

    init(_ control: PHPControl) {
        let (level, type, data): (Int, Int, Value) =
            switch control {
            case .rights(let descriptors):
                (
                    SOL_SOCKET, SCM_RIGHTS,
                    .list(
                        descriptors.map {
                            switch $0 {
                            case .socket(let socket): .socket(socket)
                            case .stream(let stream): .stream(stream)
                            }
                        })
                )
            case .credentials(let pid, let uid, let gid):
                (SOL_SOCKET, SCM_CREDENTIALS, .map(["pid": .int(pid), "uid": .int(uid), "gid": .int(gid)]))
            case .packetInfo(let address, let interface):
                (
                    IPPROTO_IPV6, IPV6_PKTINFO,
                    .map(["addr": .string(PHPString(address)), "ifindex": Value(interface)])
                )
            case .hopLimit(let limit): (IPPROTO_IPV6, IPV6_HOPLIMIT, .int(limit))
            case .trafficClass(let value): (IPPROTO_IPV6, IPV6_TCLASS, .int(value))
            }
        self = .map(["level": .int(level), "type": .int(type), "data": data])
    }
}
