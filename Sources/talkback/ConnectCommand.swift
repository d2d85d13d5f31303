// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets

struct ConnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Sends standard input to a server, and writes what the server sends to standard output.",
        discussion: """
            When the input ends, so does the sending half of the connection, and the server knows that the request is \
            complete; what it still sends is written until it closes the connection. What of the input the server has \
            not taken by then is lost.

            A name's addresses, of IPv6 and IPv4, are tried a quarter of a second apart, and the first that answers is \
            taken.

            EXIT STATUS:
              0   The server has closed the connection.
              1   An error, which is told on standard error: no connection, a reset,
                  silence for too long, input or output that fails.
              64  The arguments are wrong.
            When nobody reads the output any more, the program ends without a word, by SIGPIPE or, where that is \
            ignored, with status 1.

            EXAMPLES:
              echo hello | talkback connect 127.0.0.1:1234
                  Sends a line, and prints the answer.
              printf 'stats\\r\\nquit\\r\\n' | talkback connect localhost:11300
                  Asks a beanstalkd, or talkback serve, how it is.
              talkback connect unix:/tmp/clock < /dev/null
                  Sends nothing, and prints what comes.
              talkback connect --keep-open --timeout 5 '[::1]:7' < request > reply
                  For a server that takes the end of the input for the end of the
                  client: gives up after five seconds of silence.
            """)

    @Argument(help: "Where to connect to: HOST:PORT, or unix:PATH.")
    var address: String

    @Flag(help: "Leave the sending half open when the input ends.")
    var keepOpen = false

    @Option(
        help: ArgumentHelp(
            """
            Give up when connecting takes so many seconds, and later when nothing has come or gone for as long. \
            (default: never)
            """,
            valueName: "seconds"))
    var timeout: Seconds?

    func validate() throws {
        _ = try Place(address, of: "<address>")
    }

    func run() async throws {
        StandardStreams.openThoseThatAreClosed()
        let loop = try EventLoop()
        let place = try Place(address, of: "<address>")
        let connection = try await place.connection(on: loop, timeout: timeout?.duration)
        let relay = Relay(try connection.release(), peer: connection.peerAddress, keepsOpen: keepOpen)
        try await relay.run(silenceLimit: timeout, on: loop)
    }
}
