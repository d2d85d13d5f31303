// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    static func interfaceIndex(_ name: String) -> Result<UInt32, Errno> {
        // SAFETY: the string lives through the call and has no zero byte before its end.
        let index = unsafe if_nametoindex(name)
        return index == 0 ? .failure(Errno(rawValue: errno)) : .success(index)
    }

    static func interfaceName(_ index: UInt32) -> Result<String, Errno> {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            // SAFETY: if_indextoname writes at most IF_NAMESIZE bytes, a zero byte among them, or returns null.
            guard let base = buffer.baseAddress, let name = unsafe if_indextoname(index, base) else {
                return .failure(Errno(rawValue: errno))
            }
            return .success(unsafe String(cString: name))
        }
    }

    static func interfaces() -> Result<[NetworkInterface], Errno> {
        guard let list = unsafe if_nameindex() else { return .failure(Errno(rawValue: errno)) }
        // SAFETY: the list ends with an entry of index 0 and belongs to us until it is freed here.
        defer { unsafe if_freenameindex(list) }
        var interfaces: [NetworkInterface] = []
        var entry = unsafe list
        while unsafe entry.pointee.if_index != 0, let name = unsafe entry.pointee.if_name {
            interfaces.append(
                NetworkInterface(index: unsafe entry.pointee.if_index, uncheckedName: unsafe String(cString: name)))
            unsafe entry += 1
        }
        return .success(interfaces)
    }

    /// Why a name was not resolved: one of getaddrinfo's own codes, or the error number behind `EAI_SYSTEM`.
    enum ResolutionError: Error {
        case code(NameResolutionFailure)
        case system(Errno)
    }

    static func resolve(_ query: NameQuery) -> Result<[SocketAddress], ResolutionError> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = query.family.rawValue
        unsafe hints.ai_socktype = query.type.rawValue
        if query.numericService {
            unsafe hints.ai_flags = AI_NUMERICSERV
        }
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(query.host, query.service, &hints, &list)
        guard code == 0 else {
            return .failure(code == EAI_SYSTEM ? .system(Errno(rawValue: errno)) : .code(.init(rawValue: code)))
        }
        // SAFETY: the list is null-terminated, each entry's address is as long as ai_addrlen says, and the list
        // belongs to us until it is freed here.
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = unsafe list
        while let found = unsafe entry {
            if let address = unsafe RawAddress(copying: found.pointee.ai_addr, length: found.pointee.ai_addrlen).address
            {
                // One address may be listed once for each protocol; it is one address to connect to.
                if !addresses.contains(address) {
                    addresses.append(address)
                }
            }
            unsafe entry = found.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(.code(.noAddress)) : .success(addresses)
    }
}
