// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TalkbackClient

extension Client {
    /// Does the same with each of some jobs, many at a time. Those that are not found are told on standard error.
    ///
    /// - Throws: The first other error; `ExitCode` when some were not found.
    func forEach(
        _ ids: [JobID], _ body: @escaping @Sendable (isolated Client, JobID) async throws -> Void
    ) async throws {
        var pipeline = Pipeline<Void>()
        var isOneMissing = false
        var position = 0
        while position < ids.count || pipeline.count > 0 {
            while position < ids.count, pipeline.count < 256 {
                pipeline.start(on: self) { [id = ids[position]] client in try await body(client, id) }
                position += 1
            }
            do {
                _ = try await pipeline.next(on: self)
            } catch let error as ClientError where error.reason == .notFound {
                StandardStreams.complain("Error: \(error)")
                isOneMissing = true
            } catch let error as NothingThere {
                StandardStreams.complain("Error: \(error)")
                isOneMissing = true
            }
        }
        if isOneMissing { throw ExitCode.nothingThere }
    }
}

/// A job is not there, or not for this.
struct NothingThere: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
