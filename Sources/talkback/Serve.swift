// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AsyncSockets
import BeanstalkProtocol
import Glibc
import JobStore
import Logging
import Sockets
import SystemPackage
import TalkbackRunner
import TalkbackServer

struct Serve: LongRunningCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keeps jobs and gives them to workers, for every client that speaks beanstalkd's protocol.",
        discussion: """
            A reply is sent when everything that it shows is on disk: INSERTED means that the job is there after a \
            crash, and DELETED that it does not come back.

            SIGTERM, SIGINT and SIGQUIT send the replies that are due and end the server; with --run, the commands \
            that run are waited for first, and a second signal hands their jobs back. After SIGUSR1 it takes no more \
            jobs and goes on giving out those it has. SIGHUP and SIGUSR2 do nothing. Sockets that systemd passes are \
            listened on in place of --listen.

            The log is written to standard error, and nobody waits for who reads it: lines that cannot be written are \
            dropped, and their number is logged once there is room again. "stats" has it as log-lines-dropped.

            A connection that begins as a browser's does, with HTTP or TLS, is closed before anything in it is \
            executed, and one line a second at most says so on standard error.

            beanstalkd's flags are understood too: -l ADDRESS, -p PORT, -b FOLDER, -f MILLISECONDS, -F, -z BYTES, -u \
            USER, -V, -v; -s, -c and -n are ignored. With any of them jobs are in memory unless -b is given, and have \
            at most 65535 bytes, and all addresses are listened on unless -l is given, as with beanstalkd; but -b \
            without -f or -F is --sync always.
            """)

    @Option(help: "Where to listen: HOST:PORT, or unix:PATH; the host * is all addresses. May be given several times.")
    var listen = ["127.0.0.1:11300"]

    @Option(help: "The folder to keep jobs in. (default: talkback in $XDG_STATE_HOME or in ~/.local/state)")
    var data: String?

    @Flag(help: "Keep jobs in memory only: they are gone when the server ends.")
    var memory = false

    @Option(
        help: """
            When jobs are made to survive a loss of power: always, before a reply says that they are kept; within so \
            many MILLISECONDS of it; or never, that is when the system does. A crash of the server alone loses nothing.
            """)
    var sync = SyncArgument.always

    @Option(help: "The most bytes in a job, up to 1073741824.")
    var maxJobSize = 1 << 20

    @Option(help: "About how many bytes all jobs may take in memory. (default: half of the machine's)")
    var maxMemory: Int?

    @Option(
        help: """
            About how many bytes the outcomes that are kept may take, in memory and on disk; beyond that the oldest \
            are dropped.
            """)
    var maxOutcomes = 1 << 26

    @Option(help: "The most connections at a time; more wait.")
    var maxConnections = 1 << 20

    @Option(
        help: """
            The user to become once the addresses are taken, with the user's groups and no capabilities. HOME, USER \
            and LOGNAME become the user's.
            """)
    var user: String?

    @Option(
        help: ArgumentHelp(
            """
            Run a command for each job of a tube, so many at a time: "resize:4=php -d display_errors=stderr \
            tasks/resize.php". May be given several times. It is "talkback work" in a process beside this one; see its \
            --help for what the command gets and what becomes of the job. The command is split into words as by a \
            shell, with quotes and backslashes, but without variables or pipes: for those say sh -c '...'.
            """,
            valueName: "tube[:number]=command argument ..."),
        transform: RunArgument.init(_:))
    var run: [RunArgument] = []

    @OptionGroup(title: "Options for --run") var retries: RetryOptions

    @Option(help: "The least that is logged.")
    var logLevel = LogLevel(.info)

    func validate() throws {
        guard (0...1 << 30).contains(maxJobSize) else {
            throw ValidationError("--max-job-size takes 0 to 1073741824 bytes.")
        }
        guard maxConnections > 0 else { throw ValidationError("--max-connections takes 1 or more.") }
        guard maxOutcomes >= 0 else { throw ValidationError("--max-outcomes takes 0 bytes or more.") }
        guard maxMemory ?? 0 >= 0 else { throw ValidationError("--max-memory takes 0 bytes or more.") }
        guard !(memory && data != nil) else { throw ValidationError("--memory and --data do not go together.") }
    }

    func prepare() throws -> @Sendable () async throws -> Void {
        let account = try user.map(Account.init(named:))
        let descriptorLimit = Rights.descriptorLimit
        Rights.raiseDescriptorLimit()
        let loop = try EventLoop(threadStart: .onFirstWork)
        var listeners = try Listener.passedBySystemd(on: loop)
        if listeners.isEmpty {
            do {
                listeners = try listen.map { try listener(at: try Place($0, of: "--listen"), for: account, on: loop) }
            } catch let error as SocketError where error.errno == .addressInUse {
                return { throw await AddressInUse.explanation(of: error, on: loop) }
            }
        }
        try account?.become()
        return { [listeners] in try await serve(listeners, account, descriptorLimit: descriptorLimit, on: loop) }
    }

    private func listener(at place: Place, for account: Account?, on loop: EventLoop) throws -> Listener {
        guard let account, case .address(.unix(let name)) = place, let path = name.path else {
            // A name server that does not answer is nothing to wait for when the program is to end.
            SignalPipe.release([SIGTERM, SIGINT])
            let listener = Result { try place.listenerOnThisThread(on: loop) }
            try Signals.keep([SIGTERM, SIGINT])
            return try listener.get()
        }
        // The file is to be the user's, who connects to it and removes it; but the folder may be root's alone.
        if let listener = try? account.acting({ try place.listenerOnThisThread(on: loop) }) { return listener }
        let listener = try place.listenerOnThisThread(on: loop)
        account.own(socketAt: path)
        return listener
    }

    private func serve(
        _ listeners: [Listener], _ account: Account?, descriptorLimit: Int, on loop: EventLoop
    ) async throws {
        let logger = Log.logger("talkback", logLevel)
        let manager = ServiceManager()
        let control = Control(manager, listeners, logger)
        let signals = control.handleSignals()

        // From here on clients can connect; they are served when the jobs are back.
        let reading = ReadingProgress(manager)
        let server = try await onOwnThread {
            if !memory { manager.say("STATUS=opening the store") }
            let store = try memory ? nil : JobStore(storeOptions())
            return try Server(
                options, store: store, on: loop, droppedLogLines: { LogStream.standardError.droppedCount },
                onProgress: { reading.show($0, of: $1) })
        }
        reading.end()

        control.begin(server)
        // Now with all threads that there are.
        try account?.verify()
        for address in listeners.flatMap(\.addresses) {
            LogStream.standardOutput.write(line: "listening on \(address)")
        }
        let status = memory ? "jobs are in memory" : "jobs are in \(try folder())"
        // It may wait for a service manager that is behind.
        try await onOwnThread { manager.say("READY=1\nSTATUS=\(status)") }
        let storage: Logger.Metadata = memory ? [:] : ["folder": "\(try folder())", "reserve": "\(reserveSize) bytes"]
        let watchdog = manager.startWatchdog(on: loop)
        defer { watchdog?.cancel() }
        if let address = listeners.first?.address, !run.isEmpty {
            let runners = try Runners(
                run, retries, at: address, descriptorLimit: descriptorLimit, on: loop, logger: logger)
            control.begin(runners)
        }
        logger.debug("ready", metadata: ["jobs": "\(reading.count)"])
        let refusals = RefusalLimit()
        try await server.serve(listeners) { [logger] error, origin in
            switch origin {
            case .accepting: logger.error("cannot accept", metadata: ["error": "\(error)"])
            case .connection(let peer):
                guard let foreign = error as? ForeignProtocol else {
                    logger.info("a connection ended", metadata: ["peer": "\(peer)", "error": "\(error)"])
                    return
                }
                guard let unlogged = refusals.next() else { return }
                var details: Logger.Metadata = ["peer": "\(peer)", "came": "\(foreign)"]
                if unlogged > 0 { details["unlogged"] = "\(unlogged)" }
                logger.warning("refused a connection that does not speak beanstalkd's protocol", metadata: details)
            }
        } onStoreFull: { [logger] isFull in
            if isFull {
                logger.error("the disk has too little space: puts are refused", metadata: storage)
            } else {
                logger.notice("the disk has space again: puts are taken", metadata: storage)
            }
        }
        withExtendedLifetime(signals) {}
    }

    private var options: ServerOptions {
        ServerOptions(
            maximumJobSize: maxJobSize, maximumMemory: maxMemory ?? ServerOptions.halfOfMemory,
            maximumOutcomeBytes: maxOutcomes, connectionLimit: maxConnections)
    }

    private func storeOptions() throws -> StoreOptions {
        StoreOptions(folder: try folder(), sync: sync.sync, reserveSize: reserveSize)
    }

    /// Room for all that may be executed and not written, for what the store's log has, for what both make of SQLite's
    /// log and the file, and for a job.
    private var reserveSize: Int { (24 << 20) + 2 * min(maxJobSize, JobStore.maximumJobSize) }

    private func folder() throws -> String {
        if let data { return data }
        if let folder = StateFolder.path { return folder }
        throw ValidationError("There is no HOME to keep jobs in; give --data FOLDER, or --memory.")
    }
}

/// The value of `--sync`.
enum SyncArgument: ExpressibleByArgument, CustomStringConvertible {
    case always, never
    case every(milliseconds: UInt32)

    init?(argument: String) {
        switch argument {
        case "always": self = .always
        case "never": self = .never
        default:
            guard let milliseconds = UInt32(argument) else { return nil }
            self = milliseconds == 0 ? .always : .every(milliseconds: milliseconds)
        }
    }

    var sync: StoreOptions.Sync {
        switch self {
        case .always: .always
        case .never: .never
        case .every(let milliseconds): .every(.milliseconds(Int64(milliseconds)))
        }
    }

    var description: String {
        switch self {
        case .always: "always"
        case .never: "never"
        case .every(let milliseconds): "\(milliseconds)"
        }
    }
}

/// The value of `--log-level`.
struct LogLevel: ExpressibleByArgument, CustomStringConvertible {
    let level: Logger.Level

    init(_ level: Logger.Level) {
        self.level = level
    }

    init?(argument: String) {
        guard let level = Logger.Level(rawValue: argument) else { return nil }
        self.level = level
    }

    var description: String { level.rawValue }

    static let allValueStrings = Logger.Level.allCases.map(\.rawValue)
}
