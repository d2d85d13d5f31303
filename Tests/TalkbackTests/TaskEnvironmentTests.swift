// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TalkbackClient
import TestSupport
import Testing

/// What a task finds in its environment: all that the program was started with, but for what was meant for the program
/// alone.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct TaskEnvironmentTests {
    /// What the daemon, the worker or the server of connections has and what it starts does not.
    private static let withheld = [
        // systemd, as systemd.exec(5) has them.
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID",
        "LISTEN_FDNAMES",
        "FDSTORE", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "MAINPID", "MANAGERPID", "MANAGERPIDFDID",
        "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY",
        "CONFIGURATION_DIRECTORY", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "PIDFILE", "DEBUG_INVOCATION",
        "TRIGGER_UNIT", "TRIGGER_PATH", "TRIGGER_TIMER_REALTIME_USEC", "TRIGGER_TIMER_MONOTONIC_USEC",
        "MONITOR_SERVICE_RESULT", "MONITOR_EXIT_CODE", "MONITOR_EXIT_STATUS", "MONITOR_INVOCATION_ID", "MONITOR_UNIT",
        "LOG_NAMESPACE", "SERVICE_RESULT",
        // Others.
        "SUPERVISOR_ENABLED", "SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME", "SUPERVISOR_SERVER_URL",
        "UPSTART_JOB",
        "UPSTART_INSTANCE", "RC_SVCNAME", "RC_SERVICE", "S6_LOGGING", "DINIT_SERVICE", "SERVER_STARTER_PORT",
        "EINHORN_FD_COUNT",
        // Talkback, of an outer task too.
        "TALKBACK_JOB_ID", "TALKBACK_TUBE", "TALKBACK_ATTEMPT", "TALKBACK_PROGRESS_FD", "TALKBACK_ANYTHING",
    ]

    /// What everybody has.
    private static let kept = [
        "PATH": "/usr/bin:/bin", "HOME": "/home/somebody", "USER": "somebody", "LOGNAME": "somebody",
        "SHELL": "/bin/false",
        "LANG": "C.UTF-8", "TZ": "Asia/Shanghai", "EMPTY": "", "LISTEN": "x", "NOTIFY": "x", "XTALKBACK_JOB_ID": "x",
        "MONITOR_URL": "x", "KUBERNETES_PORT": "x", "DATABASE_URL": "mysql://a:b@c/d?e=f", "LINES_": "a\nb",
        "TALKBACK_ADDRESS": "127.0.0.1:11300",
    ]

    private static func number(_ variable: String) -> String {
        // What systemd's own library would act upon must be for another process, or of the right form.
        switch variable {
        case "NOTIFY_SOCKET": "/nowhere/notify"
        case "LISTEN_PID", "WATCHDOG_PID": "1"
        case "WATCHDOG_USEC": "60000000"
        default: "1"
        }
    }

    private static var environment: [String] {
        kept.map { "\($0.key)=\($0.value)" } + withheld.map { "\($0)=\(number($0))" }
    }

    /// A program with just these variables.
    private func start(_ arguments: [String]) throws -> Program {
        try Program(at: "/usr/bin/env", ["-i"] + Self.environment + [Program.path(of: "talkback")] + arguments)
    }

    private func variables(_ text: some Sequence<UInt8>) -> Set<String> {
        Set(Array(text).split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    }

    private func expected(_ id: JobID) -> Set<String> {
        Set(
            Self.kept.map { "\($0.key)=\($0.value)" } + [
                "TALKBACK_JOB_ID=\(id)", "TALKBACK_TUBE=a", "TALKBACK_ATTEMPT=1", "TALKBACK_PROGRESS_FD=3",
            ])
    }

    private func result(_ client: Client) async throws -> (id: JobID, bytes: [UInt8]) {
        let submission = try await client.submit("x", to: "a")
        guard case .done(let result) = try await submission.outcome else { return (submission.id, []) }
        return (submission.id, result)
    }

    @Test func taskOfAWorkerHasTheEnvironmentWithoutWhatIsTheWorkers() async throws {
        let server = try Program("talkback", "serve", "--memory", "--listen", "127.0.0.1:0")
        let address = try server.address()
        let client = try await Client.connect(to: ServerAddress(address))
        let worker = try start(["work", "--address", "\(address)", "--tube", "a", "--", "env", "-0"])
        let result = try await result(client)
        #expect(variables(result.bytes) == expected(result.id))
        await client.close()
        #expect(worker.end().status == 0)
        #expect(server.end().status == 0)
    }

    @Test func taskOfTheDaemonHasTheEnvironmentWithoutWhatIsTheDaemons() async throws {
        let server = try start(["serve", "--memory", "--listen", "127.0.0.1:0", "--run", "a=env -0"])
        let client = try await Client.connect(to: ServerAddress(try server.address()))
        let result = try await result(client)
        #expect(variables(result.bytes) == expected(result.id))
        await client.close()
        #expect(server.end().status == 0)
    }

    @Test func commandOfAConnectionHasTheEnvironmentWithoutWhatIsTheServers() throws {
        let server = try start(["listen", "127.0.0.1:0", "--", "env", "-0"])
        let all = variables(try Socket.answer(from: try server.address(), to: "").utf8)
        #expect(
            all.filter { !$0.hasPrefix("TCP") && $0 != "PROTO=TCP" } == Set(Self.kept.map { "\($0.key)=\($0.value)" }))
        #expect(server.end().status == 0)
    }

    @Test(arguments: ["recipes.md", "recipes.zh-CN.md"]) func documentationHasThemAll(page: String) throws {
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardizedFileURL
        let text = try String(contentsOf: root.appendingPathComponent("Documentation/\(page)"), encoding: .utf8)
        // In the code spans of tables: names, and prefixes, which end in an underscore.
        let spans = Set(text.split(separator: "`").map(String.init))
        for name in Self.withheld {
            let isThere = spans.contains(name) || spans.contains { $0.hasSuffix("_") && name.hasPrefix($0) }
            #expect(isThere, "\(name)")
        }
    }

    @Test func valuesAreBytes() async throws {
        let server = try Program(
            shell: #"""
                export ODD="$(printf '\326\320\316\304')"
                exec talkback serve --memory --listen 127.0.0.1:0 --run 'a=sh -c "printf %s \"\$ODD\""'
                """#)
        let client = try await Client.connect(to: ServerAddress(try server.address()))
        #expect(try await result(client).bytes == [0o326, 0o320, 0o316, 0o304])
        await client.close()
        #expect(server.end().status == 0)
    }

    @Test func taskHasDescriptors0To3AndDefaultSignals() async throws {
        let folder = TemporaryFolder()
        let script = """
            for n in 0 1 2 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$n && echo $n; done
            exec grep -E '^Sig(Blk|Ign)' /proc/self/status
            """
        try script.write(toFile: folder.file("task"), atomically: true, encoding: .utf8)
        // With more descriptors, and with signals ignored, where the daemon is started.
        let server = try Program(
            shell: """
                trap '' PIPE HUP INT QUIT USR1 USR2
                exec 7</dev/null 9>/dev/null
                exec talkback serve --memory --listen 127.0.0.1:0 --run 'a=sh \(folder.file("task"))'
                """)
        let client = try await Client.connect(to: ServerAddress(try server.address()))
        let lines = String(decoding: try await result(client).bytes, as: UTF8.self).split(separator: "\n")
        // The shell has its script open beyond those that scripts use.
        #expect(lines.prefix(4) == ["0", "1", "2", "3"])
        let masks = lines.dropFirst(4)
        #expect(masks.count == 2, "\(lines)")
        for line in masks {
            let mask = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
            // The C library keeps 32 and 33 for itself.
            #expect(mask & 0x7FFF_FFFF == 0, "\(line)")
        }
        await client.close()
        #expect(server.end().status == 0)
    }
}
