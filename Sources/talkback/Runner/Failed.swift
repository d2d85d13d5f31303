// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TalkbackClient

struct Failed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the jobs that have failed for good, and why.",
        discussion: """
            Buried jobs: with how often they were tried, and why the last attempt has failed, as the server knows it, \
            or as "talkback work" has kept it on the machine and for the user that it runs as. Of jobs that were \
            buried by others a server shows only the first one of each tube; the rest are counted.

            Exit status: 0 if there are some, 2 if there are none, 1 on errors.

            EXAMPLES:
              talkback failed
              talkback retry 17
                  Has it tried again.
              talkback delete 17
                  Gives it up.
            """)

    @OptionGroup var server: ServerOption

    @Option(
        help: ArgumentHelp("Only the jobs of this tube.", valueName: "name"),
        transform: TubeArgument.init(checking:))
    var tube: TubeArgument?

    @Option(
        help: ArgumentHelp(
            """
            Where "talkback work" keeps the reasons. (default: talkback/failures in $XDG_STATE_HOME or in \
            ~/.local/state)
            """,
            valueName: "folder"))
    var failures: String?

    @Flag(
        help: """
            Prints a JSON object a line: id, tube, attempts, and if they are known time, summary and errors; and \
            base64, what these were made of, if that is not UTF-8.
            """)
    var json = false

    private struct Line: Encodable {
        var id: JobID
        var tube: String
        var attempts: Int
        var time: Date?
        var summary: String?
        var errors: String?
        var base64: String?
    }

    func run() async throws {
        let client = try await server.connect()
        let reasons = Reasons(for: server.address, in: failures)
        var tubes = try await client.tubes()
        if let tube { tubes.removeAll { $0 != tube.tube } }
        var buried: [Tube: Int] = [:]
        var ids = Set(reasons?.jobs ?? [])
        for tube in tubes {
            let found = try await Self.ifThere { () async throws(ClientError) in
                try await client.statistics(of: tube)
            }
            guard let statistics = found else { continue }
            buried[tube] = statistics.buried
            guard statistics.buried > 0 else { continue }
            if let first = try await client.peek(.buried, in: tube) { ids.insert(first.id) }
        }
        var lines: [Line] = []
        for id in ids.sorted() where buried.values.contains(where: { $0 > 0 }) {
            let found = try await Self.ifThere { () async throws(ClientError) in
                try await client.statistics(ofJob: id)
            }
            guard let job = found else {
                // It was deleted, and nobody asks for it any more.
                reasons?.forget(id)
                continue
            }
            guard job.state == .buried, buried[job.tube] != nil else { continue }
            buried[job.tube, default: 0] -= 1
            // A server that keeps its jobs in memory begins its numbers anew.
            let age = Double(job.age.components.seconds) + 2
            let reason = reasons?.reason(id).flatMap {
                $0.tube == "\(job.tube)" && $0.isYounger(than: age) ? $0 : nil
            }
            var line = Line(
                id: id, tube: "\(job.tube)", attempts: job.reserves, time: reason?.time, summary: reason?.summary,
                errors: reason?.errors, base64: reason?.base64)
            if line.summary == nil { try await ask(client, &line) }
            lines.append(line)
        }
        for line in lines { try json ? printJSON(line) : printText(line) }
        for (tube, count) in buried.sorted(by: { $0.key < $1.key }) where count > 0 {
            StandardStreams.complain("\(tube): \(count) more, of which nothing is known here")
        }
        await client.close()
        if lines.isEmpty { throw ExitCode(2) }
    }

    /// What the server knows of a failure, if it is one that keeps reasons.
    private func ask(_ client: Client, _ line: inout Line) async throws {
        do throws(ClientError) {
            guard let status = try await client.status(of: line.id), !status.data.isEmpty else { return }
            let lines = status.text.split(separator: "\n", maxSplits: 1)
            line.summary = lines.first.map { String($0.withoutControls.prefix(200)) }
            line.errors = lines.count > 1 ? String(lines[1]) : nil
            line.base64 = status.data.base64IfNotText
        } catch {
            guard error.reason == .notUnderstood else { throw error }
        }
    }

    /// What there is; `nil` if it has gone meanwhile.
    private static func ifThere<Value>(
        _ body: () async throws(ClientError) -> Value
    ) async throws(ClientError) -> Value? {
        do throws(ClientError) {
            return try await body()
        } catch {
            if error.reason == .notFound { return nil }
            throw error
        }
    }

    private func printJSON(_ line: Line) throws {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(line), as: UTF8.self).withJSONEscapes)
    }

    private func printText(_ line: Line) {
        let times = line.attempts == 1 ? "1 attempt" : "\(line.attempts) attempts"
        let when = line.time.map { " at \($0.formatted(.iso8601))" } ?? ""
        print("\(line.id)  \(line.tube)  \(times)  \(line.summary ?? "the reason is not known here")\(when)")
        for text in (line.errors ?? "").split(separator: "\n").suffix(10) { print("    \(text.withoutControls)") }
    }
}

struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Has failed jobs tried again.",
        discussion: """
            Makes buried jobs ready, as "talkback kick --job". On a Talkback server it has as many attempts again; on \
            beanstalkd one more, as each reserve counts.

            Exit status: 0 if all are ready, 2 if one of them is not there or not buried, 1 on errors.

            EXAMPLE:
              talkback retry 17 21
            """)

    @OptionGroup var server: ServerOption

    @Argument(help: ArgumentHelp("The jobs' numbers.", valueName: "id"))
    var ids: [JobID]

    func run() async throws {
        let client = try await server.connect()
        var isOneMissing = false
        for id in ids {
            do throws(ClientError) {
                try await client.kickJob(id)
            } catch {
                guard error.reason == .notFound else { throw error }
                StandardStreams.complain("Error: retry job \(id): there is none, or it is not buried")
                isOneMissing = true
            }
        }
        await client.close()
        if isOneMissing { throw ExitCode(2) }
    }
}
