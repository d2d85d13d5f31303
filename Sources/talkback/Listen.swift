// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import Foundation
import Sockets
import Synchronization
import SystemPackage

struct Listen: LongRunningCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts a command for each connection, with the connection as its standard input and output.",
        usage: """
            talkback listen <address> [--max-connections <number>] [--timeout <seconds>] [--refuse-http] \
            -- <command> [<argument> ...]
            """,
        discussion: """
            The command reads what the peer sends, and what it writes goes to the peer: it gets the socket itself, in \
            blocking mode, as from inetd. Standard error stays this program's own. When the command ends, so does the \
            connection, unless the command has left a process behind that has it. A peer that vanishes without a word \
            is found out within two minutes, and the command's next read or write fails.

            The environment tells the command who is there, with the names that ucspi-tcp has given them: PROTO is \
            TCP, and TCPREMOTEIP, TCPREMOTEPORT, TCPLOCALIP and TCPLOCALPORT are the two addresses, of IPv4 or IPv6; \
            or PROTO is UNIX, UNIXLOCALPATH is the socket's path, and UNIXREMOTEPID, UNIXREMOTEEUID and UNIXREMOTEEGID \
            are the peer's process, user and group.

            A web page can have the browser that shows it connect to this machine's own ports, those of 127.0.0.1 too, \
            and send what it likes behind the first line: HTTP's headers, and then lines of its own. A command that \
            executes, stores or passes on what it reads does so with a page's lines as well. --refuse-http is for such \
            commands, in protocols in which the client speaks first.

            The command is a process group of its own. All signals do in it what they do by default, and it inherits \
            no descriptor but 0, 1 and 2. It has this program's environment otherwise, but for what a service manager \
            has put there, or a worker of Talkback.

            SIGTERM, SIGINT or SIGQUIT ends the listening; the commands that run go on to their end, and then the \
            program ends with status 0. A second signal ends the commands as --timeout does. SIGHUP, SIGUSR1 and \
            SIGUSR2 do nothing.

            What this program has to say itself, it writes to standard error, and no connection waits for who reads \
            it: lines that cannot be written are dropped, and their number is told once there is room again.

            EXAMPLES:
              talkback listen 127.0.0.1:1234 -- rev
                  Answers each line with the line reversed.
              talkback listen localhost:7 -- cat
                  Echoes, on the addresses that localhost has.
              talkback listen '*:8080' --max-connections 10 --timeout 60 -- ./serve-page
                  At most ten at a time, and each for a minute, on all addresses.
              talkback listen unix:/tmp/clock -- sh -c 'date; echo $UNIXREMOTEPID >&2'
                  Tells the time on a Unix socket, and here which process has asked.
            """)

    @Argument(
        help: """
            Where to listen: HOST:PORT, or unix:PATH; the host * is all addresses, and the port 0 a free one. When it \
            is taken, the program prints "listening on" and the address.
            """)
    var address: String

    @Argument(parsing: .postTerminator, help: "The command and its arguments, which come after --.")
    var command: [String]

    @Option(
        help: ArgumentHelp("The most commands at a time; more connections wait to be accepted.", valueName: "number"))
    var maxConnections = 100

    @Option(
        help: ArgumentHelp(
            """
            End a command after so many seconds: its process group gets SIGTERM and, 3 seconds later, what is left of \
            it SIGKILL. (default: never)
            """,
            valueName: "seconds"))
    var timeout: Seconds?

    @Flag(
        help: """
            Close connections that begin with HTTP or TLS, as those of browsers do, before the command is started. It \
            is started once the first line shows that it is neither, and the connection is closed if it has not within \
            30 seconds.
            """)
    var refuseHttp = false

    func validate() throws {
        guard maxConnections > 0 else { throw ValidationError("--max-connections takes 1 or more.") }
        _ = try Place(address, of: "<address>")
    }

    func prepare() throws -> @Sendable () async throws -> Void {
        { try await listen() }
    }

    private func listen() async throws {
        try checkDescriptorLimit()
        let served = try await ServedCommand(command, timeLimit: timeout)
        let listener = try await Place(address, of: "<address>").listener(on: try EventLoop())
        // Commands may take as long as they like once the listening has ended.
        let options = ServeOptions(
            connectionLimit: maxConnections, idleTimeout: nil, grace: .seconds(100 * 365 * 86_400))
        let refusal = refuseHttp ? BrowserRefusal() : nil
        let refusals = RefusalLimit()
        let serving = Task {
            try await listener.serve(options) { error, origin in
                switch origin {
                case .accepting: LogStream.standardError.write(line: "cannot accept: \(error)")
                case .connection(let peer):
                    guard error is BrowserRefusal.Reason else {
                        LogStream.standardError.write(line: "\(peer): \(error)")
                        return
                    }
                    guard let unlogged = refusals.next() else { return }
                    let others = unlogged == 0 ? "" : " (and \(unlogged) more before)"
                    LogStream.standardError.write(line: "\(peer): \(error)\(others)")
                }
            } handler: { connection in
                do {
                    try await refusal?.check(connection)
                    try await served.run(for: connection)
                } catch let error as SocketError where error.reason == .closed || error.errno == .connectionReset {
                    // The listening has ended, or the peer is gone, before there was a command.
                }
            }
        }
        let stop = StopAction(listener, serving, refusal)
        let signals = Signals(stopping: stop.signalCame)
        for address in listener.addresses { LogStream.standardOutput.write(line: "listening on \(address)") }
        try await serving.value
        withExtendedLifetime(signals) {}
    }

    /// Each command takes a descriptor for its process, and one more until it has its socket.
    private func checkDescriptorLimit() throws {
        let limit = Rights.descriptorLimit
        let most = (limit - 32) / 2
        guard maxConnections <= most else {
            throw CleanError(
                "--max-connections \(maxConnections): a limit of \(limit) descriptors (ulimit -n) allows "
                    + "\(max(0, most))"
            )
        }
    }
}

/// What a signal to stop does.
private final class StopAction: Sendable {
    private let listener: Listener
    private let serving: Task<Void, any Error>
    private let refusal: BrowserRefusal?
    private let isStopping = Atomic(false)

    init(_ listener: Listener, _ serving: Task<Void, any Error>, _ refusal: BrowserRefusal?) {
        self.listener = listener
        self.serving = serving
        self.refusal = refusal
    }

    @Sendable
    func signalCame() {
        if isStopping.exchange(true, ordering: .sequentiallyConsistent) {
            serving.cancel()
        } else {
            listener.stop()
            refusal?.stop()
        }
    }
}
