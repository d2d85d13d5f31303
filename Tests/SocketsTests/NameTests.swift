// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sockets
import SystemPackage
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct NameTests {
    @Test func addressesAsTextNeedNoNameServer() throws {
        #expect(try SocketAddress.resolve(host: "127.0.0.1", port: 80) == [.ipv4(.loopback, port: 80)])
        #expect(try SocketAddress.resolve(host: "::1", port: 80) == [.ipv6(.loopback, port: 80)])
        let loopback = try NetworkInterface(name: "lo").index
        let scoped = SocketAddress.ipv6(IPv6Address(0xFE80, 0, 0, 0, 0, 0, 0, 1), port: 80, scope: loopback)
        #expect(try SocketAddress.resolve(host: "fe80::1%lo", port: 80) == [scoped])
        #expect(
            try SocketAddress.resolve(host: "127.0.0.1", port: 53, type: .datagram) == [.ipv4(.loopback, port: 53)])
    }

    @Test func localhostIsThisMachine() throws {
        let addresses = try SocketAddress.resolve(host: "localhost", port: 80)
        #expect(!addresses.isEmpty)
        #expect(addresses.allSatisfy { $0.ip?.isLoopback == true && $0.port == 80 })
        #expect(Set(addresses).count == addresses.count)
        #expect(try SocketAddress.resolve(host: "localhost", port: 80, family: .ipv4) == [.ipv4(.loopback, port: 80)])
    }

    @Test func servicesAreNumbersOrNames() throws {
        #expect(try SocketAddress.resolve(host: "127.0.0.1", service: "8080") == [.ipv4(.loopback, port: 8080)])
        let error = #expect(throws: SocketError.self) {
            _ = try SocketAddress.resolve(host: "127.0.0.1", service: "no-such-service")
        }
        #expect(error?.reason == .nameResolution(.unknownService))
    }

    static var hasServices: Bool { unsafe access("/etc/services", R_OK) == 0 }

    @Test(.enabled(if: hasServices, "no /etc/services on this machine"))
    func servicesHaveTheirPorts() throws {
        #expect(try SocketAddress.resolve(host: "127.0.0.1", service: "http") == [.ipv4(.loopback, port: 80)])
        #expect(
            try SocketAddress.resolve(host: "::1", service: "domain", type: .datagram) == [.ipv6(.loopback, port: 53)])
    }

    @Test func badNamesAreTypedErrors() throws {
        let empty = #expect(throws: SocketError.self) { _ = try SocketAddress.resolve(host: "", port: 1) }
        #expect(empty?.description == "resolve \"\": the host is empty")
        let zero = #expect(throws: SocketError.self) { _ = try SocketAddress.resolve(host: "a\0b", port: 1) }
        #expect(zero?.reason == .invalid(.zeroByte))
        let family = #expect(throws: SocketError.self) {
            _ = try SocketAddress.resolve(host: "127.0.0.1", port: 1, family: .ipv6)
        }
        #expect(family?.reason == .nameResolution(.noAddressOfFamily))
        #expect(family?.description.hasSuffix("(EAI_ADDRFAMILY)") == true)
    }

    @Test func failuresAreTheCLibrarys() {
        let codes: [(NameResolutionFailure, Int32)] = [
            (.tryAgain, EAI_AGAIN), (.serverFailure, EAI_FAIL), (.unsupportedFamily, EAI_FAMILY),
            (.unknownName, EAI_NONAME), (.unknownService, EAI_SERVICE), (.unsupportedType, EAI_SOCKTYPE),
            (.outOfMemory, EAI_MEMORY),
        ]
        for (failure, code) in codes {
            #expect(failure.rawValue == code)
        }
        #expect(NameResolutionFailure.unknownName.description == "Name or service not known (EAI_NONAME)")
        #expect(NameResolutionFailure(rawValue: -12345).description == "Unknown error")
    }

    @Test func interfacesAreFoundByNameAndByIndex() throws {
        let loopback = try NetworkInterface(name: "lo")
        let index = unsafe if_nametoindex("lo")
        #expect(loopback.index == index)
        #expect(try NetworkInterface(index: loopback.index) == loopback)
        #expect(try NetworkInterface.all().contains(loopback))
        let name = #expect(throws: SocketError.self) { _ = try NetworkInterface(name: "nosuchinterface") }
        #expect(name?.description == "interface \"nosuchinterface\": No such device (ENODEV)")
        let unknown = #expect(throws: SocketError.self) { _ = try NetworkInterface(index: 1 << 30) }
        #expect(unknown?.errno == .noSuchAddressOrDevice)
        let zero = #expect(throws: SocketError.self) { _ = try NetworkInterface(name: "lo\0x") }
        #expect(zero?.reason == .invalid(.zeroByte))
    }
}
