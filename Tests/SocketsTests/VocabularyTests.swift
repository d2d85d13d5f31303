// SPDX-License-Identifier: Apache-2.0

import CSockets
import Glibc
import Sockets
import Testing

/// The names of families, types, protocols and flags, against the C headers.
@Suite struct VocabularyTests {
    @Test func familiesAreTheCHeaders() {
        let families: [(AddressFamily, Int32, String)] = [
            (.unspecified, AF_UNSPEC, "AF_UNSPEC"), (.unix, AF_UNIX, "AF_UNIX"), (.ipv4, AF_INET, "AF_INET"),
            (.ipv6, AF_INET6, "AF_INET6"), (AddressFamily(rawValue: 99), 99, "AF(99)"),
        ]
        for (family, value, name) in families {
            #expect(family.rawValue == value)
            #expect(family.description == name)
        }
    }

    @Test func typesAreTheCHeaders() {
        let types: [(SocketType, UInt32, String)] = [
            (.stream, SOCK_STREAM.rawValue, "SOCK_STREAM"), (.datagram, SOCK_DGRAM.rawValue, "SOCK_DGRAM"),
            (.sequencedPacket, SOCK_SEQPACKET.rawValue, "SOCK_SEQPACKET"), (.raw, SOCK_RAW.rawValue, "SOCK_RAW"),
            (SocketType(rawValue: 99), 99, "SOCK(99)"),
        ]
        for (type, value, name) in types {
            #expect(type.rawValue == Int32(value))
            #expect(type.description == name)
        }
    }

    @Test func protocolsAreTheCHeaders() {
        let protocols: [(SocketProtocol, Int, String)] = [
            (.default, 0, "default"), (.tcp, Int(IPPROTO_TCP), "TCP"), (.udp, Int(IPPROTO_UDP), "UDP"),
            (.icmp, Int(IPPROTO_ICMP), "ICMP"), (.icmpv6, Int(IPPROTO_ICMPV6), "ICMPv6"),
            (.mptcp, Int(IPPROTO_MPTCP), "MPTCP"), (SocketProtocol(rawValue: 99), 99, "protocol 99"),
        ]
        for (number, value, name) in protocols {
            #expect(number.rawValue == Int32(value))
            #expect(number.description == name)
        }
    }

    @Test func flagsAreTheCHeaders() {
        let sending: [(SendFlags, Int)] = [
            (.confirm, Int(MSG_CONFIRM)), (.doNotRoute, Int(MSG_DONTROUTE)), (.doNotWait, Int(MSG_DONTWAIT)),
            (.endOfRecord, Int(MSG_EOR)), (.more, Int(MSG_MORE)), (.outOfBand, Int(MSG_OOB)),
            (.zeroCopy, Int(MSG_ZEROCOPY)),
        ]
        for (flag, value) in sending { #expect(flag.rawValue == Int32(value)) }
        let receiving: [(ReceiveFlags, Int)] = [
            (.doNotWait, Int(MSG_DONTWAIT)), (.errorQueue, Int(MSG_ERRQUEUE)), (.outOfBand, Int(MSG_OOB)),
            (.peek, Int(MSG_PEEK)), (.realLength, Int(MSG_TRUNC)), (.waitForAll, Int(MSG_WAITALL)),
        ]
        for (flag, value) in receiving { #expect(flag.rawValue == Int32(value)) }
        let reported: [(MessageFlags, Int)] = [
            (.controlTruncated, Int(MSG_CTRUNC)), (.endOfRecord, Int(MSG_EOR)), (.errorQueue, Int(MSG_ERRQUEUE)),
            (.outOfBand, Int(MSG_OOB)), (.truncated, Int(MSG_TRUNC)),
        ]
        for (flag, value) in reported { #expect(flag.rawValue == Int32(value)) }
        let events: [(PollEvents, Int)] = [
            (.readable, Int(POLLIN)), (.writable, Int(POLLOUT)), (.priority, Int(POLLPRI)), (.error, Int(POLLERR)),
            (.hangUp, Int(POLLHUP)), (.invalid, Int(POLLNVAL)),
            // POLLRDHUP, which glibc hides from Swift.
            (.peerHalfClosed, 0x2000),
        ]
        for (event, value) in events { #expect(event.rawValue == Int16(value)) }
    }
}
