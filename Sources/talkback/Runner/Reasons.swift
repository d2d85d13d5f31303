// SPDX-License-Identifier: Apache-2.0

import Foundation
import TalkbackClient

/// Why jobs have failed: a file for each, in a folder for each server, on the machine where the commands run. The
/// protocol has no place for it.
struct Reasons: Sendable {
    /// What is kept of a job's last failure.
    struct Reason: Codable {
        var id: JobID
        var tube: String
        var attempt: Int
        var time: Date
        var summary: String
        /// What it has written, as text.
        var errors: String
        /// What it has written, if that is not UTF-8, in Base64.
        var base64: String?
        /// The boot in which that was, and how many seconds after it: nobody sets that clock. Not there in what an
        /// earlier version has kept.
        var boot: String?
        var sinceBoot: Double?

        /// Whether it was later than so many seconds ago.
        func isYounger(than seconds: Double) -> Bool {
            if let boot, let sinceBoot, boot == BootClock.id { return sinceBoot > BootClock.seconds - seconds }
            return time > Date(timeIntervalSinceNow: -seconds)
        }
    }

    private let folder: URL

    /// The most files in a folder; the oldest go first.
    private static let limit = 10_000

    /// - Parameter folder: Where the folders for servers are; `nil` for the user's state folder.
    /// - Returns: `nil` if there is no such folder.
    init?(for address: ServerAddress, in folder: String? = nil) {
        guard let base = folder ?? StateFolder.path.map({ $0 + "/failures" }) else { return nil }
        let name = "\(address)".replacingOccurrences(of: "/", with: "%")
        self.folder = URL(fileURLWithPath: base, isDirectory: true).appendingPathComponent(name, isDirectory: true)
    }

    private func file(_ id: JobID) -> URL { folder.appendingPathComponent("\(id)") }

    /// Remembers a failure. That it cannot is no reason not to go on: the log has it too.
    func record(_ job: WorkerJob, _ failure: CommandFailure) {
        let reason = Reason(
            id: job.id, tube: "\(job.tube)", attempt: job.attempt, time: Date(), summary: failure.summary,
            errors: String(decoding: failure.words, as: UTF8.self), base64: failure.words.base64IfNotText,
            boot: BootClock.id, sinceBoot: BootClock.seconds)
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let encoder = JSONEncoder()
            encoder.dateEncodingStrategy = .secondsSince1970
            try encoder.encode(reason).write(to: file(job.id), options: .atomic)
            // Seldom, as it reads the whole folder.
            if job.id % 256 == 0 { removeOldest() }
        } catch {}
    }

    func forget(_ id: JobID) {
        try? FileManager.default.removeItem(at: file(id))
    }

    /// What is known of a job.
    func reason(_ id: JobID) -> Reason? {
        guard let data = try? Data(contentsOf: file(id)) else { return nil }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .secondsSince1970
        return try? decoder.decode(Reason.self, from: data)
    }

    /// The jobs of which something is known, in the order of their numbers.
    var jobs: [JobID] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.compactMap { JobID($0) }.sorted()
    }

    private func removeOldest() {
        // Numbers grow, so the lowest are the oldest.
        for id in jobs.dropLast(Self.limit) { forget(id) }
    }
}

/// Where programs of a user keep what should outlive them.
enum StateFolder {
    static var path: String? {
        let environment = ProcessInfo.processInfo.environment
        // A relative one is to be ignored, as the specification of these folders says.
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/talkback" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/talkback" }
        return nil
    }
}
