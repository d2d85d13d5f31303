// SPDX-License-Identifier: Apache-2.0

internal import JobQueue

/// The jobs that are gone at the end of a list of mutations: what comes before their ends need not be written.
struct EndedJobs {
    private struct Job {
        var isPut = false
        var changes = 0
    }

    private var jobs: [UInt64: Job] = [:]

    init(_ mutations: [Mutation]) {
        for mutation in mutations { findEnd(MutationHeader(mutation)) }
        guard !jobs.isEmpty else { return }
        for mutation in mutations { findRest(MutationHeader(mutation)) }
    }

    init(_ mutations: MutationReader) {
        var reader = mutations
        while let header = reader.next() { findEnd(header) }
        guard !jobs.isEmpty else { return }
        reader = mutations
        while let header = reader.next() { findRest(header) }
    }

    private mutating func findEnd(_ header: MutationHeader) {
        switch header.kind {
        case .delete, .end: jobs[header.id] = Job()
        case .put, .change, .forgetData, .forget, .pause: break
        }
    }

    private mutating func findRest(_ header: MutationHeader) {
        switch header.kind {
        case .put: jobs[header.id]?.isPut = true
        case .change: jobs[header.id]?.changes += 1
        case .delete, .end, .forgetData, .forget, .pause: break
        }
    }

    /// Whether the list has the job's put too.
    func isPut(_ id: UInt64) -> Bool { jobs[id]?.isPut ?? false }

    /// How many changes of the job the list has.
    func changes(_ id: UInt64) -> Int { jobs[id]?.changes ?? 0 }

    /// Whether a mutation of the list need not be written.
    func drops(_ header: MutationHeader) -> Bool {
        switch header.kind {
        case .put, .change: jobs[header.id] != nil
        case .delete: isPut(header.id)
        case .end, .forgetData, .forget, .pause: false
        }
    }
}
