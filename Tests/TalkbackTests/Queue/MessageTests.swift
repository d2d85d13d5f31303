// SPDX-License-Identifier: Apache-2.0

import AsyncSockets
import Sockets
import TestSupport
import Testing

/// What commands say when they are misused: the operation, its subject and the reason, each once, and what can be done.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct MessageTests {
    private static let tubeRule =
        "A tube's name has 1 to 200 letters, digits and -+/;.$_(), and does not begin with -."

    @Test(arguments: [
        ("put x --tube 'a b'", tubeRule), ("work --tube 'a b' -- true", tubeRule), ("failed --tube 'a b'", tubeRule),
        ("bench --tube 'a b'", tubeRule), ("pause 'a b' 1", tubeRule), ("serve --memory --run 'a b=true'", tubeRule),
        ("submit x --key 'a b'", "A key has 1 to 200 letters"), ("submit x --key 'a b'", "sha256sum"),
        ("submit x --key -a", "A key has 1 to 200 letters"), ("submit x --key a:b", "a whole number of seconds"),
        ("submit x --keep -1", "'-1' is invalid"), ("bench --size -1", "--size takes 0 to 1073741824 bytes"),
        ("serve --memory --run true", "There is no =, behind which the command is"),
        ("serve --memory --run a:0=true", "1 to 10000"),
        ("serve --memory --run a=", "There is no command behind the ="),
        ("serve --memory --run \"a=b 'c\"", "a quote does not end"),
        ("watch --interval 0", "a number of seconds above 0"),
        ("connect unix:", "the path is empty"), ("listen unix: -- true", "the path is empty"),
    ])
    func wrongArgumentsSayTheRule(arguments: String, rule: String) throws {
        let outcome = try Program(shell: "exec timeout 30 talkback \(arguments)").outcome()
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(outcome.errors.contains(rule), "\(outcome.errors)")
    }

    @Test func whatIsNotThereIsNamed() async throws {
        try await withQueue { queue throws in
            for (arguments, message) in [
                ("stats --tube zzz", "ask for statistics of tube zzz: there is no such tube (NOT_FOUND)"),
                ("stats --job 99", "ask for statistics of job 99: there is no such job (NOT_FOUND)"),
                ("drain zzz", "ask for statistics of tube zzz: there is no such tube (NOT_FOUND)"),
                ("pause zzz 5", "pause tube zzz: there is no such tube (NOT_FOUND)"),
                ("kick --job 99", "kick job 99: there is no such job that is buried or delayed (NOT_FOUND)"),
                ("delete 99", "delete job 99: there is no such job, or a worker has reserved it (NOT_FOUND)"),
                ("bury 99", "bury job 99: there is no such job, or a worker has reserved it (NOT_FOUND)"),
                ("cancel 99", "cancel job 99: there is no such job, and no outcome is kept (NOT_FOUND)"),
            ] {
                let outcome = try queue.run("talkback \(arguments)")
                #expect(outcome.status == 2 && outcome.output.isEmpty)
                #expect(outcome.errors == "Error: \(message)\n")
            }
        }
    }

    @Test func bodyThatIsTooBigHasItsSizeTheLimitAndTheOption() async throws {
        try await withQueue { queue throws in
            let words = """
                the body has 1048577 bytes, and the server takes at most 1048576; its option --max-job-size \
                (beanstalkd: -z) sets the limit
                """
            let body = "head -c 1048577 /dev/zero"
            let line = "{ printf '{\"body\": \"'; \(body) | tr '\\000' x; printf '\"}'; }"
            for command in [
                "\(body) | talkback put", "\(body) | talkback submit", "\(body) > f; talkback submit --file f --wait",
                "\(body) | tr '\\000' x | talkback put --lines", "\(line) | talkback load",
                "\(line) > g; talkback load g", "talkback bench --size 1048577 --seconds 1",
                "talkback bench --size 1048577 --seconds 1 --pipeline 2",
            ] {
                let outcome = try queue.run(command)
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains(words), "\(command): \(outcome.errors)")
            }
            #expect(try queue.run("talkback take --timeout 0").status == 2)
        }
    }

    @Test func lineThatIsWrongIsNamedWithItsFile() async throws {
        try await withQueue { queue throws in
            #expect(
                try queue.run("echo x | talkback load").errors
                    == "Error: standard input: line 1: it is not JSON; nothing was put\n")
            #expect(
                try queue.run("echo x > f; talkback load f").errors
                    == "Error: f: line 1: it is not JSON; nothing was put\n")
        }
    }

    @Test(arguments: [
        "stats", "put x", "submit x", "take", "watch --once", "bench --seconds 1", "failed", "retry 1", "tubes",
    ])
    func addressWithoutAServerIsNamedOnce(command: String) throws {
        let folder = TemporaryFolder()
        let address = "unix:\(folder.file("s"))"
        let outcome = try Program(shell: "exec timeout 30 talkback \(command) --address '\(address)'").outcome()
        #expect(outcome.status == 1)
        let parts = outcome.errors.split(separator: address, omittingEmptySubsequences: false)
        #expect(parts.count == 2, "\(outcome.errors)")
        #expect(outcome.errors.contains("No such file or directory (ENOENT)"))
    }

    /// A web server, as far as it matters: it answers in its own protocol and ends the connection.
    @Test(arguments: [
        "stats", "put x", "submit x", "submit x --wait", "take", "take --timeout 1", "watch --once",
        "bench --seconds 1 --connections 1", "failed", "retry 1", "tubes", "status 1", "cancel 1", "drain default",
    ])
    func webServerIsKnown(command: String) throws {
        let script = "printf \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\"; cat > /dev/null"
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--timeout", "5", "--", "sh", "-c", script)
        let address = try server.address()
        let outcome = try Program(shell: "exec timeout 30 talkback \(command) --address '\(address)'").outcome()
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(
            outcome.errors.hasSuffix(
                ": \(address) does not speak beanstalkd's protocol; it answered \"HTTP/1.1 400 Bad Request\"\n"),
            "\(outcome.errors)")
        server.kill()
    }

    @Test(arguments: ["printf '220 mail\\r\\n'; cat > /dev/null", "read line"])
    func workerSaysWhatItIsConnectedTo(script: String) throws {
        let server = try Program("talkback", "listen", "127.0.0.1:0", "--timeout", "5", "--", "sh", "-c", script)
        let address = try server.address()
        let worker = try Program("talkback", "work", "--address", "\(address)", "--", "true")
        let line = worker.errorLine()
        #expect(line.contains("cannot take a job"), "\(line)")
        #expect(line.contains("\(address)") && line.contains("does not speak beanstalkd's protocol"), "\(line)")
        worker.kill()
        server.kill()
    }
}
