// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import Testing

/// That the time-outs hold is shown in a network namespace: NamespaceTests.
@Suite struct KeepAliveTests {
    @Test func defaultsAgreeWithEachOther() throws {
        let keepAlive = KeepAlive()
        let socket = try Socket(.ipv4, .stream)
        try socket.set(keepAlive)
        #expect(try socket.get(.keepAlive))
        #expect(try socket.get(.keepAliveIdle) == keepAlive.idle)
        #expect(try socket.get(.keepAliveInterval) == keepAlive.interval)
        #expect(try socket.get(.keepAliveCount) == keepAlive.count)
        // Linux gives up at the first probe after this time, so it must not come before the last one.
        let userTimeout = try socket.get(.userTimeout)
        #expect(userTimeout == keepAlive.idle + keepAlive.interval * keepAlive.count)
        #expect(userTimeout == .seconds(120))
    }

    @Test func userTimeoutIsSetWhateverItWas() throws {
        let socket = try Socket(.ipv4, .stream)
        for (userTimeout, expected): (KeepAlive.UserTimeout, Duration) in [
            (.matching, .seconds(7 + 3 * 2)), (.after(.milliseconds(1500)), .milliseconds(1500)), (.system, .zero),
        ] {
            try socket.set(
                KeepAlive(idle: .seconds(7), interval: .seconds(3), count: 2, userTimeout: userTimeout))
            #expect(try socket.get(.userTimeout) == expected)
        }
    }

    @Test func valuesOutOfRangeAreRefused() throws {
        let socket = try Socket(.ipv4, .stream)
        for keepAlive in [
            KeepAlive(count: 0), KeepAlive(count: 128), KeepAlive(count: .max), KeepAlive(count: .min),
            KeepAlive(idle: .zero), KeepAlive(idle: .seconds(32_768)), KeepAlive(interval: .seconds(-1)),
            KeepAlive(interval: Duration(attoseconds: .max)), KeepAlive(userTimeout: .after(.seconds(-1))),
        ] {
            #expect(throws: SocketError.self) { try socket.set(keepAlive) }
            #expect(try !socket.get(.keepAlive))
        }
        // The longest that the options can say is longer than a user time-out can be.
        try socket.set(KeepAlive(idle: .seconds(32_767), interval: .seconds(32_767), count: 127))
        #expect(try socket.get(.userTimeout) == .zero)
        let unix = try Socket(.unix, .stream)
        #expect(throws: SocketError.self) { try unix.set(KeepAlive()) }
    }

    @Test func detectionTimeNeverOverflows() {
        let longest = Duration(attoseconds: .max)
        #expect(KeepAlive(idle: longest, interval: longest, count: .max).detectionTime == longest)
        #expect(KeepAlive(idle: longest, interval: .seconds(1), count: 1).detectionTime == longest)
        #expect(KeepAlive(idle: .seconds(1), interval: .seconds(2), count: 3).detectionTime == .seconds(7))
    }
}
