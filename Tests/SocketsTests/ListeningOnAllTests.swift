// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct ListeningOnAllTests {
    private static let any4 = SocketAddress.ipv4(.any, port: 0)
    private static let any6 = SocketAddress.ipv6(.any, port: 0)

    private func refused(_ address: SocketAddress) -> Bool {
        do throws(SocketError) {
            _ = try Socket.connect(to: address, timeout: .seconds(30))
            return false
        } catch {
            return error.errno == .connectionRefused
        }
    }

    private func acceptError(_ listening: inout ListeningSockets, _ timeout: Duration?) -> SocketError? {
        do throws(SocketError) {
            _ = try listening.accept(timeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    @Test func portOfAllAddressesIsOneOfBothFamilies() throws {
        let server = try Socket.listen(onPort: 0)
        #expect(try server.get(.ipv6Only) == false)
        let port = try #require(try server.localAddress.port)
        for ip in [IPAddress.v4(.loopback), .v6(.loopback)] {
            let client = try Socket.connect(to: SocketAddress(ip, port: port))
            let accepted = try server.acceptWithPeer()
            #expect(accepted.peer.ip?.isLoopback == true)
            #expect(accepted.peer.ip?.unmapped == ip)
            #expect(try accepted.peer.port == client.localAddress.port)
        }
    }

    @Test func wildcardIsWhatTheOptionSays() throws {
        let both = try Socket.listen(on: Self.any6)
        #expect(try both.get(.ipv6Only) == false)
        let only = try Socket.listen(on: Self.any6, options: ListenOptions(ipv6Wildcard: .ipv6Only))
        #expect(try only.get(.ipv6Only))
        #expect(try refused(.ipv4(.loopback, port: #require(only.localAddress.port))))
        // An IPv4-mapped address is IPv4's, whatever is said of the wildcard.
        let mapped = try Socket.listen(
            on: .ipv6(IPv6Address(mapped: .loopback), port: 0), options: ListenOptions(ipv6Wildcard: .ipv6Only))
        let client = try Socket.connect(to: .ipv4(.loopback, port: #require(mapped.localAddress.port)))
        #expect(try client.peerAddress.ip == .v4(.loopback))
        // Nobody's IPv4 port is taken for an address that is IPv6's alone.
        #expect(try Socket.listen(on: .ipv6(.loopback, port: 0)).get(.ipv6Only))
    }

    /// An IPv4 address and the IPv4-mapped one of it are one address.
    @Test func addressInTwoFormsIsListenedOnOnce() throws {
        let listening = try Socket.listen(onAll: [
            .ipv4(.loopback, port: 0), .ipv6(IPv6Address(mapped: .loopback), port: 0),
        ])
        #expect(listening.count == 1)
    }

    @Test func listIsListenedOnWhole() throws {
        let lists: [[SocketAddress]] = [
            [Self.any4, Self.any6], [Self.any6, Self.any4], [.ipv4(.loopback, port: 0), .ipv6(.loopback, port: 0)],
            [.ipv4(.loopback, port: 0), .ipv4(IPv4Address(127, 0, 0, 2), port: 0), .ipv6(.loopback, port: 0)],
            [.ipv4(.loopback, port: 0), Self.any6],
        ]
        for list in lists {
            // One twice is one.
            var listening = try Socket.listen(onAll: list + list)
            let addresses = listening.addresses
            #expect(addresses.map(\.ip) == list.map(\.ip))
            #expect(Set(addresses.map(\.port)).count == 1)
            #expect(addresses[0].port != 0)
            #expect(listening.count == list.count)
            for address in addresses {
                let ip = try #require(address.ip)
                let here: IPAddress = ip.family == .ipv4 ? .v4(.loopback) : .v6(.loopback)
                let to = SocketAddress(ip.isUnspecified ? here : ip, port: try #require(address.port))
                let client = try Socket.connect(to: to)
                let accepted = try listening.accept(timeout: .seconds(30))
                #expect(try accepted.socket.localAddress == to)
                #expect(try accepted.peer == client.localAddress)
            }
            let nobody = try listening.tryAccept() == nil
            #expect(nobody)
            var taken = 0
            while let socket = listening.takeFirst() {
                #expect(try socket.localAddress == addresses[taken])
                #expect(try socket.blockingMode == .blocking)
                taken += 1
            }
            #expect(taken == list.count)
            let empty = acceptError(&listening, nil)
            #expect(empty?.errno == .invalidArgument)
        }
    }

    @Test func zeroTimeoutAcceptsOnce() throws {
        var listening = try Socket.listen(onAll: [.ipv4(.loopback, port: 0)])
        let late = acceptError(&listening, .zero)
        #expect(late?.errno == .timedOut)
        let client = try Socket.connect(to: listening.addresses[0])
        let accepted = try listening.accept(timeout: .zero)
        #expect(try accepted.peer == client.localAddress)
        let negative = acceptError(&listening, .seconds(-1))
        #expect(negative?.reason == .invalid(.negative))
    }

    @Test func nothingOfAListListensIfOneCannot() throws {
        let taken = try Socket.listen(on: .ipv4(.loopback, port: 0))
        let address = try taken.localAddress
        let other = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: try #require(address.port))
        let error = #expect(throws: SocketError.self) { _ = try Socket.listen(onAll: [other, address]) }
        #expect(error?.description == "bind \(address): Address already in use (EADDRINUSE)")
        #expect(refused(other))
        let none = #expect(throws: SocketError.self) { _ = try Socket.listen(onAll: []) }
        #expect(none?.description == "listen: no address is given")
    }

    @Test func addressesOfOtherMachinesAreLeftOutIfThatIsWanted() throws {
        let foreign = SocketAddress.ipv4(IPv4Address(192, 0, 2, 1), port: 0)
        let here = SocketAddress.ipv4(.loopback, port: 0)
        let refused = #expect(throws: SocketError.self) { _ = try Socket.listen(onAll: [here, foreign]) }
        #expect(refused?.address?.ip == foreign.ip)
        let listening = try Socket.listen(onAll: [foreign, here], unavailable: .leaveOut)
        #expect(listening.addresses.map(\.ip) == [.v4(.loopback)])
        let alone = #expect(throws: SocketError.self) {
            _ = try Socket.listen(onAll: [foreign], unavailable: .leaveOut)
        }
        #expect(alone?.errno == .addressNotAvailable)
    }

    @Test func hostIsListenedOnAtEveryAddress() throws {
        var listening = try Socket.listen(onHost: "localhost", port: 0)
        for address in listening.addresses {
            let client = try Socket.connect(to: address)
            let accepted = try listening.accept(timeout: .seconds(30))
            #expect(try accepted.peer == client.localAddress)
        }
    }

    @Test func everySocketIsPreparedBeforeItIsBound() throws {
        var prepared: [UInt16?] = []
        let listening = try Socket.listen(onAll: [.ipv4(.loopback, port: 0), .ipv6(.loopback, port: 0)]) {
            (socket) throws(SocketError) in
            prepared.append(try socket.localAddress.port)
            try socket.set(.noDelay, to: true)
        }
        #expect(prepared == [0, 0])
        #expect(listening.count == 2)
        let error = #expect(throws: SocketError.self) {
            _ = try Socket.listen(on: .ipv4(.loopback, port: 0)) { (_) throws(SocketError) in
                throw SocketError(.setOption, .closed)
            }
        }
        #expect(error?.reason == .closed)
    }

    // MARK: Files of Unix sockets

    private func status(_ path: String) throws -> stat {
        var status = stat()
        // SAFETY: the structure is written during the call.
        try #require(unsafe lstat(path, &status) == 0)
        return status
    }

    @Test(arguments: [0o600, 0o660, 0o666, 0o777, 0o000] as [UInt32])
    func unixFileHasTheModeWhateverTheUmask(mode: UInt32) throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let file = ListenOptions.UnixFile(
            permissions: FilePermissions(rawValue: mode), owner: geteuid(), group: getegid())
        let server = try Socket.listen(on: SocketAddress(unixPath: path), options: ListenOptions(unixFile: file))
        let status = try status(path)
        #expect(status.st_mode & 0o7777 == mode)
        #expect(status.st_uid == geteuid())
        #expect(status.st_gid == getegid())
        #expect(try server.get(.isListening))
    }

    @Test func unixFileThatCannotHaveItsOwnerIsRemoved() throws {
        // Root may give files away.
        guard geteuid() != 0 else { return }
        let folder = TemporaryFolder()
        let path = folder.file("s")
        let options = ListenOptions(unixFile: ListenOptions.UnixFile(owner: 0))
        let error = #expect(throws: SocketError.self) {
            _ = try Socket.listen(on: SocketAddress(unixPath: path), options: options)
        }
        #expect(error?.description == "change owner unix:\(path): Operation not permitted (EPERM)")
        #expect(throws: (any Error).self) { _ = try status(path) }
    }

    @Test func existingFileIsNeitherChangedNorRemoved() throws {
        let folder = TemporaryFolder()
        let path = folder.file("s")
        try Socket.listen(on: SocketAddress(unixPath: path)).close()
        let before = try status(path)
        let options = ListenOptions(unixFile: ListenOptions.UnixFile(permissions: .ownerRead))
        let error = #expect(throws: SocketError.self) {
            _ = try Socket.listen(on: SocketAddress(unixPath: path), options: options)
        }
        #expect(error?.errno == .addressInUse)
        #expect(try status(path).st_mode == before.st_mode)
        #expect(try status(path).st_ino == before.st_ino)
    }

    @Test func abstractNameHasNoFileToProtect() throws {
        let options = ListenOptions(unixFile: ListenOptions.UnixFile(permissions: .ownerReadWrite))
        let error = #expect(throws: SocketError.self) {
            _ = try Socket.listen(on: .unix(.unnamed), options: options)
        }
        #expect(error?.reason == .invalid(.noFile))
    }
}
