// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// Appends a command as it goes over the wire: its line. Behind a put's come the body and `\r\n`; see
    /// ``append(_:body:)``.
    public mutating func append(_ command: Command) {
        switch command {
        case .put(let header):
            appendText("put ")
            appendDecimal(UInt64(header.priority))
            appendNumber(UInt64(header.delay))
            appendNumber(UInt64(header.timeToRun))
            appendNumber(UInt64(header.byteCount))
            for tag in header.tags { append(tag) }
        case .use(let tube): appendLine("use ", tube)
        case .reserve: appendText("reserve")
        case .reserveWithTimeout(let seconds): appendLine("reserve-with-timeout ", UInt64(seconds))
        case .reserveJob(let id): appendLine("reserve-job ", id)
        case .delete(let id): appendLine("delete ", id)
        case .release(let id, let priority, let delay):
            appendLine("release ", id)
            appendNumber(UInt64(priority))
            appendNumber(UInt64(delay))
        case .bury(let id, let priority):
            appendLine("bury ", id)
            appendNumber(UInt64(priority))
        case .touch(let id): appendLine("touch ", id)
        case .watch(let tube): appendLine("watch ", tube)
        case .ignore(let tube): appendLine("ignore ", tube)
        case .peek(let id): appendLine("peek ", id)
        case .peekReady: appendText("peek-ready")
        case .peekDelayed: appendText("peek-delayed")
        case .peekBuried: appendText("peek-buried")
        case .kick(let bound): appendLine("kick ", UInt64(bound))
        case .kickJob(let id): appendLine("kick-job ", id)
        case .stats: appendText("stats")
        case .statsJob(let id): appendLine("stats-job ", id)
        case .statsTube(let tube): appendLine("stats-tube ", tube)
        case .listTubes: appendText("list-tubes")
        case .listTubeUsed: appendText("list-tube-used")
        case .listTubesWatched: appendText("list-tubes-watched")
        case .pauseTube(let tube, let seconds):
            appendLine("pause-tube ", tube)
            appendNumber(UInt64(seconds))
        case .quit: appendText("quit")
        case .progress(let id, let percent, let text):
            appendLine("progress ", id)
            appendNumber(UInt64(percent))
            if !text.isEmpty {
                append(UInt8(ascii: " "))
                append(contentsOf: text)
            }
        case .finish(let id, let byteCount):
            appendLine("finish ", id)
            appendNumber(UInt64(byteCount))
        case .fail(let id, let retry, let byteCount):
            appendLine("fail ", id)
            switch retry {
            case .after(let seconds, let attempts):
                appendNumber(UInt64(seconds))
                if attempts > 0 { appendSuffix(attempts) }
            case .never: appendText(" never")
            }
            appendNumber(UInt64(byteCount))
        case .state(let id): appendLine("state ", id)
        case .wait(let id, let seconds):
            appendLine("wait ", id)
            appendNumber(UInt64(seconds))
        case .follow(let id, let seconds):
            appendLine("follow ", id)
            appendNumber(UInt64(seconds))
        case .cancel(let id): appendLine("cancel ", id)
        case .describeJob(let id): appendLine("describe-job ", id)
        }
        appendText("\r\n")
    }

    mutating func append(_ tag: PutTag) {
        switch tag {
        case .unique(let key, let seconds):
            appendText(" idp:")
            append(contentsOf: key.bytes)
            if seconds > 0 { appendSuffix(seconds) }
        case .keep(let seconds):
            appendText(" keep")
            appendSuffix(seconds)
        case .attempts(let count):
            appendText(" attempts")
            appendSuffix(count)
        case .backoff(let first, let most):
            appendText(" backoff")
            appendSuffix(first)
            if most > first { appendSuffix(most) }
        case .leaseOfConnection: appendText(" lease:connection")
        case .tried(let count):
            appendText(" tried")
            appendSuffix(count)
        case .counts(let counts):
            appendText(" counts")
            appendSuffix(counts.reserves)
            appendSuffix(counts.timeouts)
            appendSuffix(counts.releases)
            appendSuffix(counts.buries)
            appendSuffix(counts.kicks)
        case .buried: appendText(" state:buried")
        case .reason(let byteCount):
            appendText(" reason")
            appendSuffix(UInt32(clamping: byteCount))
        }
    }

    private mutating func appendSuffix(_ number: UInt32) {
        append(UInt8(ascii: ":"))
        appendDecimal(UInt64(number))
    }

    /// Appends a put and its body.
    public mutating func append(_ header: PutHeader, body: [UInt8]) {
        append(.put(header), body: body)
    }

    /// Appends a command that a body follows, and the body.
    public mutating func append(_ command: Command, body: [UInt8]) {
        append(command)
        append(contentsOf: body)
        appendText("\r\n")
    }

    private mutating func appendLine(_ text: StaticString, _ number: UInt64) {
        appendText(text)
        appendDecimal(number)
    }

    private mutating func appendLine(_ text: StaticString, _ tube: TubeName) {
        appendText(text)
        append(contentsOf: tube.bytes)
    }

    mutating func appendNumber(_ number: UInt64) {
        append(UInt8(ascii: " "))
        appendDecimal(number)
    }
}
