// SPDX-License-Identifier: Apache-2.0

import Sockets
import SystemPackage
import Testing

@Suite struct SocketErrorTests {
    static let address = SocketAddress.ipv4(.loopback, port: 80)
    static let errors: [(SocketError, String)] = [
        (
            SocketError(.bind, .system(.permissionDenied), subject: .address(address)),
            "bind 127.0.0.1:80: Permission denied (EACCES)"
        ),
        (SocketError(.receive, .system(.connectionReset)), "receive: Connection reset by peer (ECONNRESET)"),
        (SocketError(.send, .system(Errno(rawValue: 4095))), "send: Unknown error 4095"),
        (
            SocketError(.resolve, .nameResolution(.unknownName), subject: .text("nowhere.invalid")),
            "resolve \"nowhere.invalid\": Name or service not known (EAI_NONAME)"
        ),
        (
            SocketError(.setOption, .invalid(.outOfRange), subject: .option(SocketOption.noDelay.name)),
            "set option TCP_NODELAY: a value out of range"
        ),
        (
            SocketError(.getOption, .system(.invalidArgument), subject: .option(.init(level: .tcp, number: 999))),
            "get option number 999 of level 6: Invalid argument (EINVAL)"
        ),
        (
            SocketError(
                .connect, .allAttemptsFailed, subject: .text("host:80"),
                attempts: [
                    SocketError(.connect, .system(.connectionRefused), subject: .address(address)),
                    SocketError(.connect, .system(.timedOut), subject: .address(.ipv6(.loopback, port: 80))),
                ]),
            "connect \"host:80\": no address worked: connect 127.0.0.1:80: Connection refused (ECONNREFUSED); "
                + "connect [::1]:80: Connection timed out (ETIMEDOUT)"
        ),
    ]

    @Test(arguments: errors)
    func descriptionSaysWhatOnWhatAndWhy(error: SocketError, text: String) {
        #expect(error.description == text)
        #expect("\(error)" == text)
    }

    @Test func fieldsAreThereToBeAskedFor() {
        let refused = SocketError(.connect, .system(.connectionRefused), subject: .address(Self.address))
        #expect(refused.errno == .connectionRefused)
        #expect(refused.address == Self.address)
        #expect(!refused.isWouldBlock)
        let wouldBlock = SocketError(.send, .system(.wouldBlock))
        #expect(wouldBlock.isWouldBlock)
        #expect(wouldBlock.address == nil)
        #expect(SocketError(.vector, .invalid(.negative)).errno == nil)
    }
}
