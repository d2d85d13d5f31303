// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `talkback submit`, `status`, `cancel` and `progress`.
@Suite(.blocking, .timeLimit(.minutes(5)))
struct SubmitTests {
    private static let worker =
        "talkback work --tube t --backoff 0 -- sh -c 'echo \"50% half\" >&3; rev; echo' 2>/dev/null &"

    @Test func resultIsPrinted() async throws {
        try await withQueue { queue throws in
            #expect(try queue.output("talkback submit abc --tube t") == "1\n")
            #expect(try queue.output("talkback status 1").hasPrefix("1  waiting  (attempt 0, for "))
            #expect(try queue.run("talkback status 1 --result").status == 2)
            let script = "\(Self.worker)\ntalkback submit xyz --tube t --wait; kill $!; wait $!"
            #expect(try queue.output(script) == "zyx\n")
            #expect(try queue.output("talkback status 1 --result") == "cba\n")
            #expect(try queue.output("talkback status 2").hasPrefix("2  done  4 bytes  (attempt 1, for "))
            let json = try JSON(try queue.output("talkback status 2 --json"))
            #expect(json.text("result") == "zyx\n" && json.text("state") == "done" && json.number("percent") == 100)
            #expect(try queue.run("talkback cancel 2").status == 2)
        }
    }

    @Test func followShowsHowFarItIs() async throws {
        try await withQueue { queue throws in
            let outcome = try queue.run(
                "\(Self.worker)\nprintf abc > f; talkback submit --file f --tube t --follow > out; "
                    + "kill $!; wait $!; cat out"
            )
            #expect(outcome.output == "cba\n" && outcome.errors.contains("50 %: half\n"), "\(outcome)")
        }
    }

    @Test func outcomeDecidesTheStatus() async throws {
        try await withQueue { queue throws in
            let failing = "talkback work --tube t --attempts 1 -- sh -c 'echo torn >&2; exit 9' 2>/dev/null & "
            let failed = try queue.run(
                "\(failing) talkback submit x --tube t --wait; s=$?; kill $!; wait $!; exit $s")
            #expect(failed.status == 2 && failed.output.isEmpty)
            #expect(failed.errors == "job 1\nError: job 1 has failed: torn\n")
            #expect(try queue.output("talkback status 1").hasPrefix("1  failed  torn  (attempt 1, for "))
            let late = try queue.run("talkback submit x --wait --timeout 1")
            #expect(late.status == 4 && late.errors == "job 2\nError: job 2 has not ended in time, and goes on\n")
            #expect(try queue.run("talkback submit x --follow --timeout 1").status == 4)
            let cancelled = try queue.run(
                """
                talkback submit x --tube c --wait & \
                until talkback status 4 >/dev/null 2>&1; do sleep 0.01; done; talkback cancel 4; wait $!
                """)
            #expect(cancelled.status == 3 && cancelled.errors == "job 4\nError: job 4 was cancelled\n", "\(cancelled)")
        }
    }

    @Test func tagsAreTaken() async throws {
        try await withQueue { queue throws in
            let submit = "talkback submit x --key year:60 --attempts 1 --backoff 1:9 --lease-of-connection --keep 60"
            #expect(try queue.output("\(submit); \(submit)") == "1\n1\n")
            #expect(try queue.output("talkback take --json").contains("\"id\":1"))
            #expect(try queue.output("\(submit)") == "1\n")
            for arguments in ["--key 'a b'", "--key a:x", "--attempts 0", "--backoff x", "--keep -1", "--timeout 5"] {
                #expect(try queue.run("talkback submit x \(arguments)").status == 64, "\(arguments)")
            }
        }
    }

    @Test func whatIsNotThereIsNotFound() async throws {
        try await withQueue { queue throws in
            for command in ["status 9", "cancel 9"] {
                let outcome = try queue.run("talkback \(command)")
                #expect(outcome.status == 2 && outcome.errors.contains("job 9: "), "\(outcome)")
            }
        }
    }

    @Test func progressNeedsADescriptor() async throws {
        try await withQueue { queue throws in
            #expect(try queue.run("talkback progress 5 by hand").errors == "5% by hand\n")
            #expect(try queue.output("TALKBACK_PROGRESS_FD=1 talkback progress 5 to here") == "5% to here\n")
            let closed = try queue.run("TALKBACK_PROGRESS_FD=9 talkback progress 5")
            #expect(closed.status == 1 && closed.errors.contains("write to descriptor 9"), "\(closed)")
            #expect(try queue.run("TALKBACK_PROGRESS_FD=x talkback progress 5").status == 1)
        }
    }
}
