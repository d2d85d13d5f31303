// SPDX-License-Identifier: Apache-2.0

import TalkbackClient

/// Many puts, pipelined, that end with the first that fails.
struct BulkPut {
    typealias Call = @Sendable (_ client: isolated Client, _ item: [UInt8]) async throws -> JobID

    /// What an item, and several, are called in an error: `jobs.jsonl: line`, `lines`.
    let noun: String
    let plural: String
    let printsIDs: Bool
    let call: Call

    private var pipeline = Pipeline<JobID>()
    private var window = Window()
    private var output = Output()
    private var progress = Progress("put")
    /// The first that has failed.
    private var failure: (number: Int, error: any Error)?
    private var takenCount = 0
    private var put = Ranges()
    private var unknown = Ranges()

    init(of noun: String, _ plural: String, printsIDs: Bool, _ call: @escaping Call) {
        self.noun = noun
        self.plural = plural
        self.printsIDs = printsIDs
        self.call = call
    }

    var putCount: Int { put.count }

    /// Puts an item.
    ///
    /// - Returns: Whether there is a point in going on.
    mutating func add(_ item: [UInt8], on client: isolated Client) async throws -> Bool {
        window.note(item.count)
        if pipeline.count >= window.size {
            // Half of them, so that what follows goes out together.
            while pipeline.count > window.size / 2 { await take(on: client) }
            if output.count >= 1 << 16 { try await flush() }
        }
        guard failure == nil else { return false }
        pipeline.start(on: client) { [call] client in try await call(client, item) }
        return true
    }

    /// Puts the lines of an input. The last one may lack its line feed.
    mutating func addLines(of input: Input, until interruption: Interruption, on client: isolated Client) async throws {
        var splitter = LineSplitter()
        var reading = Reading(input)
        while true {
            while !reading.isReady, pipeline.count > 0 { await take(on: client) }
            try await flush()
            let bytes = try await interruption.idling { try await reading.bytes }
            if bytes.isEmpty { break }
            reading = Reading(input)
            splitter.append(bytes)
            while let line = splitter.next() {
                guard !interruption.wasRequested, try await add(line, on: client) else { return }
            }
            guard splitter.restCount <= LineSplitter.limit else {
                throw CleanError("read \(input.name): a line has more bytes than any server takes")
            }
        }
        if let line = splitter.last() { _ = try await add(line, on: client) }
    }

    /// Waits for all that is under way.
    ///
    /// - Parameter error: Why no more were added, if that was not a put.
    mutating func end(_ error: (any Error)? = nil, on client: isolated Client) async throws {
        while pipeline.count > 0 { await take(on: client) }
        progress.end()
        var error = error
        if error == nil {
            do {
                try await flush()
            } catch let failure {
                error = failure
            }
        }
        if let failure {
            // Of a single argument there is nothing more to say; a line is wrong in its file.
            if takenCount == 1, noun == "body" { throw failure.error }
            throw CleanError("\(noun) \(failure.number): \(failure.error); \(summary)")
        }
        if let error { throw CleanError("\(error); \(summary)") }
    }

    private var summary: String {
        var text = put.count == 0 ? "nothing was put" : "\(put.count) put: \(plural) \(put)"
        if unknown.count > 0 { text += "; not known of: \(plural) \(unknown)" }
        return text
    }

    private mutating func take(on client: isolated Client) async {
        takenCount += 1
        do {
            guard let id = try await pipeline.next(on: client) else { return }
            put.append(takenCount)
            if printsIDs { output.append(line: "\(id)") }
        } catch {
            if failure == nil { failure = (takenCount, error) }
            if case .outcomeUnknown? = (error as? ClientError)?.reason { unknown.append(takenCount) }
        }
        progress.show(put.count)
    }

    private mutating func flush() async throws {
        try await output.flush()
    }
}

/// Numbers, which come in their order, as a person writes them: `1-4, 6`.
private struct Ranges: CustomStringConvertible {
    private var ranges: [ClosedRange<Int>] = []
    private(set) var count = 0

    mutating func append(_ number: Int) {
        count += 1
        if let last = ranges.last, last.upperBound == number - 1 {
            ranges[ranges.count - 1] = last.lowerBound...number
        } else {
            ranges.append(number...number)
        }
    }

    var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
    }
}
