// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sockets
internal import SystemPackage

/// The names that the system knows without a name server, `hosts(5)`.
struct HostsFile: Sendable {
    static let system = HostsFile(path: "/etc/hosts")

    private let path: String

    init(path: String) {
        self.path = path
    }

    /// Whether the file has an address for a name. Upper and lower case are the same.
    ///
    /// Only that: the addresses are for `getaddrinfo` to tell, which knows in which order the system looks for them.
    func hasName(_ name: String) -> Bool {
        let wanted = name.utf8.map(Self.lowercase)
        var match = Match(wanted)
        // Not waiting for a writer, should it be a pipe.
        guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
        else { return false }
        defer { try? file.close() }
        var piece: [UInt8] = Array(repeating: 0, count: 65_536)
        while let count = try? unsafe piece.withUnsafeMutableBytes({ unsafe try file.read(into: $0) }), count > 0 {
            for byte in piece[..<count] where match.isFound(with: byte) { return true }
        }
        return match.isFound(with: UInt8(ascii: "\n"))
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// Reads the file byte by byte, and looks for one name in it.
    private struct Match {
        private let wanted: [UInt8]
        /// Which word of the line it is: the first is an address.
        private var word = 0
        private var isInComment = false
        /// How many bytes of the word are the name's; `nil` if one was not.
        private var matched: Int? = 0
        private var length = 0

        init(_ wanted: [UInt8]) {
            self.wanted = wanted
        }

        /// Whether the name has ended with this byte.
        mutating func isFound(with byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "#"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                let isFound = !isInComment && word > 0 && length > 0 && matched == wanted.count
                if length > 0 { word += 1 }
                length = 0
                matched = 0
                if byte == UInt8(ascii: "#") { isInComment = true }
                if byte == UInt8(ascii: "\n") {
                    isInComment = false
                    word = 0
                }
                return isFound
            default:
                length += 1
                guard let count = matched else { return false }
                let isNext = count < wanted.count && wanted[count] == HostsFile.lowercase(byte)
                matched = isNext ? count + 1 : nil
                return false
            }
        }
    }
}

/// Text that `getaddrinfo` reads as an address, so that it asks nobody.
enum HostLiteral {
    static func isLiteral(_ host: String) -> Bool {
        if IPAddress(host) != nil { return true }
        if let percent = host.firstIndex(of: "%") { return IPv6Address(host[..<percent]) != nil }
        // What inet_aton(3) reads, such as 127.1 and 0x7f000001, but not what it lets follow.
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        var address = in_addr()
        // SAFETY: the structure is written during the call.
        return unsafe inet_aton(host, &address) != 0
    }
}
