// SPDX-License-Identifier: Apache-2.0

import BeanstalkProtocol
import Testing

struct ReplyTests {
    /// Made anew each time: an enumeration hides its tag in the pointer to a body, where LeakSanitizer does not see it.
    static var replies: [(Reply, String)] {
        [
            (.inserted(1), "INSERTED 1\r\n"),
            (.inserted(.max), "INSERTED 18446744073709551615\r\n"),
            (.buriedOnPut(10), "BURIED 10\r\n"),
            (.expectedCRLF, "EXPECTED_CRLF\r\n"),
            (.jobTooBig, "JOB_TOO_BIG\r\n"),
            (.draining, "DRAINING\r\n"),
            (.using(.default), "USING default\r\n"),
            (.reserved(100, body: Array("hello".utf8)), "RESERVED 100 5\r\nhello\r\n"),
            (.reserved(7, body: []), "RESERVED 7 0\r\n\r\n"),
            (.deadlineSoon, "DEADLINE_SOON\r\n"),
            (.timedOut, "TIMED_OUT\r\n"),
            (.deleted, "DELETED\r\n"),
            (.released, "RELEASED\r\n"),
            (.buried, "BURIED\r\n"),
            (.touched, "TOUCHED\r\n"),
            (.watching(3), "WATCHING 3\r\n"),
            (.notIgnored, "NOT_IGNORED\r\n"),
            (.found(0, body: Array("\r\n".utf8)), "FOUND 0 2\r\n\r\n\r\n"),
            (.kicked(0), "KICKED 0\r\n"),
            (.kickedJob, "KICKED\r\n"),
            (.paused, "PAUSED\r\n"),
            (.ok(Array("---\n".utf8)), "OK 4\r\n---\n\r\n"),
            (.notFound, "NOT_FOUND\r\n"),
            (.outOfMemory, "OUT_OF_MEMORY\r\n"),
            (.internalError, "INTERNAL_ERROR\r\n"),
            (Reply(.badFormat), "BAD_FORMAT\r\n"),
            (Reply(.unknownCommand), "UNKNOWN_COMMAND\r\n"),
            (Reply(.expectedCRLF), "EXPECTED_CRLF\r\n"),
        ]
    }

    @Test(arguments: replies)
    func replyIsItsLine(reply: Reply, line: String) {
        var output = Array("before".utf8)
        output.append(reply)
        #expect(String(decoding: output, as: UTF8.self) == "before" + line)
    }

    @Test func yamlIsLinesOfKeysAndElements() throws {
        var fields = YAML()
        fields.add("id", 7)
        fields.add("tube", quoted: "default")
        fields.add("state", unquoted: "ready")
        #expect(String(decoding: fields.bytes, as: UTF8.self) == "---\nid: 7\ntube: \"default\"\nstate: ready\n")
        var list = YAML()
        list.add(element: TubeName.default.bytes)
        list.add(element: Array("a".utf8))
        #expect(String(decoding: list.bytes, as: UTF8.self) == "---\n- default\n- a\n")
    }
}
